import Glibc
import Sessions

/// F_OFD_SETLK, which Glibc's module leaves out.
private let setOpenFileLock: CInt = 37

/// Tells which of the processes that have announced themselves in a database are alive: each holds a lock on a byte of this
/// file, and the system lets go of it however the process ends. Also across containers on one machine, where the number of a
/// process says nothing.
///
/// The locks belong to the open file, not to the process, so two stores of one process see each other too.
final class AliveFile {
    private let descriptor: CInt

    /// - Parameter database: beside which it lies, and whose owner becomes its own.
    init(beside database: String) throws(StoreError) {
        // Not beside a link to it: all gateways must find the same one.
        guard let resolved = realpath(database, nil) else { throw SQLiteFile.error(database) }
        defer { free(resolved) }
        let path = String(cString: resolved) + "-alive"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw SQLiteFile.error(path) }
        var status = stat()
        if geteuid() == 0, stat(database, &status) == 0 { _ = fchown(descriptor, status.st_uid, status.st_gid) }
        fchmod(descriptor, 0o600)
    }

    deinit { close(descriptor) }

    /// False: another has it. Kept until `unlock`, or the end.
    func lock(_ slot: Int64) -> Bool { setLock(on: slot, CInt(F_WRLCK)) }

    func unlock(_ slot: Int64) { _ = setLock(on: slot, CInt(F_UNLCK)) }

    private func setLock(on slot: Int64, _ type: CInt) -> Bool {
        var lock = Glibc.flock()
        lock.l_type = Int16(type)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = off_t(slot)
        lock.l_len = 1
        return fcntl(descriptor, setOpenFileLock, &lock) == 0
    }
}
