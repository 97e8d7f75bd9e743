import CLibevent
import Glibc

/// The file by which a listening Unix socket is reached. It outlives the socket, so whoever made it has to remove it.
package struct UnixSocketFile: Sendable, Equatable {
    package let path: String
    private let device: dev_t
    private let inode: ino_t

    /// The file as it is now; nil when there is no socket at `path`.
    init?(at path: String) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
        self.path = path
        device = status.st_dev
        inode = status.st_ino
    }

    /// Removes the file, unless it has been replaced: by whoever serves there now.
    package func remove() {
        guard Self(at: path) == self else { return }
        unlink(path)
    }

    /// Who may connect: those who may write to the file.
    package func setMode(_ mode: UInt32) throws(SocketError) {
        guard Self(at: path) == self else { throw SocketError("chmod unix:\(path)", ENOENT) }
        guard chmod(path, mode_t(mode)) == 0 else { throw SocketError("chmod unix:\(path)", errno) }
    }

    /// Makes way for a new socket: removes one that a process has left behind. Anything else that is there stays, a file that
    /// is no socket as well as a socket that somebody listens on.
    /// - Throws: that the path is in use.
    static func clear(_ path: String) throws(SocketError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }  // `bind` says what else is wrong with the path
        guard let stale = UnixSocketFile(at: path) else { throw SocketError("bind unix:\(path)", EEXIST) }
        let probe = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { throw SocketError("socket", errno) }
        defer { close(probe) }
        let outcome = SocketAddress.unix(path: path).withSockaddr { connect(probe, $0, $1) }
        // Only a refusal tells that nobody listens; a full queue, or a lack of permission, tells nothing of the kind.
        guard outcome != 0, errno == ECONNREFUSED else { throw SocketError("bind unix:\(path)", EADDRINUSE) }
        stale.remove()
    }
}
