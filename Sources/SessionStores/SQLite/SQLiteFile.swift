import Glibc
import Sessions

/// The database as the file system sees it. Only its owner may read it and what lies beside it: they tell who uses the
/// service, and from where.
///
/// It is never opened here once SQLite may have it open: closing any descriptor of a file ends the locks that the process
/// has on it.
struct SQLiteFile {
    let path: String

    /// Which file a path leads to.
    struct Identity: Equatable {
        let device: UInt, inode: UInt
    }

    /// Nil: there is none.
    var identity: Identity? {
        var status = stat()
        return stat(path, &status) == 0 ? Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino)) : nil
    }

    /// Sees to it that there is a file for SQLite to open.
    ///
    /// - Parameter creates: an empty one with mode 0600, durably, when there is none.
    func prepare(creates: Bool) throws(StoreError) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        var status = stat()
        guard stat(folder, &status) == 0 else { throw .failed("the directory \(folder) does not exist") }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .failed("\(folder) is not a directory") }
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFREG else { throw .failed("\(path) is not a file") }
            // The log has to be made beside it.
            for name in [path, folder] where access(name, R_OK | W_OK) != 0 { throw Self.error(name) }
            return
        }
        guard errno == ENOENT else { throw Self.error(path) }
        guard creates else { throw .failed("\(path) does not exist") }
        let file = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            if errno == EEXIST { return }
            throw Self.error(path)
        }
        defer { close(file) }
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw Self.error(folder) }
        defer { close(directory) }
        guard fsync(file) == 0, fsync(directory) == 0 else { throw Self.error(path) }
    }

    /// Takes everybody else's rights away; what was wrong, when something was.
    func tighten() throws(StoreError) -> String? {
        var wasOpen = false
        for name in [path, path + "-wal", path + "-shm"] {
            var status = stat()
            guard stat(name, &status) == 0, status.st_mode & 0o077 != 0 else { continue }
            guard chmod(name, 0o600) == 0 else {
                throw .failed("\(name) is open to others than its owner, and its mode cannot be changed")
            }
            wasOpen = true
        }
        return wasOpen ? "it was open to others than its owner; its mode is 0600 now" : nil
    }

    static func error(_ path: String) -> StoreError { .failed("\(path): \(String(cString: strerror(errno)))") }
}
