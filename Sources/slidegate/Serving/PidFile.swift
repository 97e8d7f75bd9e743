import Glibc

/// Where other programs find the id of the process that serves: one line, as kill(1) and supervisors take it.
///
/// At a hand-over the new process writes its own when it serves, and the old one leaves alone what is not its own any more.
struct PidFile {
    let path: String

    /// Replaces the file whole, so that nobody reads half a number.
    func write() throws(FileError) {
        let next = path + ".\(getpid())"
        let descriptor = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure() }
        let text = Array("\(getpid())\n".utf8)
        let isWritten = Glibc.write(descriptor, text, text.count) == text.count
        close(descriptor)
        guard isWritten, rename(next, path) == 0 else {
            let failure = failure()
            unlink(next)
            throw failure
        }
    }

    /// Unless another process has written its own meanwhile.
    func remove() {
        guard let contents = try? FileContents(path: path, bytesMax: 64).bytes else { return }
        if String(decoding: contents, as: UTF8.self) == "\(getpid())\n" { unlink(path) }
    }

    private func failure() -> FileError {
        FileError(operation: .write, path: path, reason: String(cString: strerror(errno)))
    }
}
