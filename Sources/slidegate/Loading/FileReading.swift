import Glibc

/// Why a file could not be read or written.
struct FileError: Error, CustomStringConvertible {
    enum Operation { case read, write }

    var operation: Operation
    var path: String
    var reason: String

    var description: String {
        switch operation {
        case .read: "cannot read \(path): \(reason)"
        case .write: "cannot write \(path): \(reason)"
        }
    }

    var status: Int32 {
        switch operation {
        case .read: ExitStatus.noInput
        case .write: ExitStatus.cannotCreate
        }
    }
}

/// The contents of a file, and who else may read it.
struct FileContents {
    var bytes: [UInt8]
    /// Whether every user of the machine may read it.
    var isReadableByAll: Bool

    /// - Throws: when there is no such file, it cannot be read, is a directory, or has more than `bytesMax`.
    init(path: String, bytesMax: Int) throws(FileError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.failure(path) }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw FileError(operation: .read, path: path, reason: "it is a directory")
        }
        isReadableByAll = status.st_mode & S_IFMT == S_IFREG && status.st_mode & S_IROTH != 0
        bytes = try Self.readAll(descriptor, path: path, bytesMax: bytesMax)
    }

    /// Standard input to its end.
    static func standardInput(bytesMax: Int) throws(FileError) -> [UInt8] {
        try readAll(STDIN_FILENO, path: "standard input", bytesMax: bytesMax)
    }

    private static func readAll(_ descriptor: Int32, path: String, bytesMax: Int) throws(FileError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure(path)
            }
            guard bytes.count + count <= bytesMax else {
                throw FileError(operation: .read, path: path, reason: "it has more than \(bytesMax) bytes")
            }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    private static func failure(_ path: String) -> FileError {
        FileError(operation: .read, path: path, reason: String(cString: strerror(errno)))
    }
}

/// Writes a new file; one that is there already is never touched.
///
/// - Parameter mode: Permissions from the first instant on, so that a secret is never readable by others.
func createFile(_ path: String, _ contents: String, mode: mode_t) throws(FileError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
        throw FileError(operation: .write, path: path, reason: String(cString: strerror(errno)))
    }
    let bytes = Array(contents.utf8)
    var offset = 0
    while offset < bytes.count {
        let count = bytes[offset...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count > 0 {
            offset += count
        } else if errno != EINTR {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            unlink(path)
            throw FileError(operation: .write, path: path, reason: reason)
        }
    }
    guard close(descriptor) == 0 else {
        throw FileError(operation: .write, path: path, reason: String(cString: strerror(errno)))
    }
}

extension String {
    /// This file name as seen from the directory of `file`.
    func relative(toDirectoryOf file: String) -> String {
        guard !hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return self }
        return file[...slash] + self
    }
}
