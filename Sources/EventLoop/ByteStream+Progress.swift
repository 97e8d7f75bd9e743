import Bytes
import Glibc

// MARK: - How far what was written has come

extension ByteStream {
    /// What was written and the peer has not acknowledged: what is queued here and what waits in the kernel. The queue alone
    /// says little of a slow peer, as the kernel takes more only when a good part of its own buffer is free again. Costs
    /// a system call.
    package var untakenBytes: Int {
        var inKernel: CInt = 0
        guard isOpen, ioctl(descriptor, UInt(TIOCOUTQ), &inKernel) == 0 else { return queuedBytes }
        return queuedBytes + Int(max(0, inKernel))
    }

    /// Where the peer has connected to, or where this end of a connection to it is. Costs a system call.
    package var localAddress: SocketAddress { isOpen ? .local(of: descriptor) : .unnamed }

    /// Keeps the loop's account of what its streams have queued. To be called where the queue has changed.
    func accountForQueue() {
        loop.bufferedBytes += output.count - accountedBytes
        accountedBytes = output.count
    }
}
