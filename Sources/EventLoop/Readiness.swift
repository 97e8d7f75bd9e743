import CLibevent

/// A persistent, level-triggered wait for one descriptor to become readable or writable.
///
/// For descriptors with little traffic (listeners, mail); `ByteStream` registers its own events to keep the data path
/// free of closures.
final class Readiness {
    enum Direction {
        case read, write
        var flag: Int16 { self == .read ? Int16(EV_READ) : Int16(EV_WRITE) }
    }

    private let loop: EventLoop  // kept: `event_free` reads its base
    private var event: OpaquePointer?
    private let onReady: () -> Void

    init(
        of descriptor: CInt, for direction: Direction, on loop: EventLoop, onReady: @escaping () -> Void
    ) throws(EventLoopError) {
        self.loop = loop
        self.onReady = onReady
        let context = Unmanaged.passUnretained(self).toOpaque()
        let flags = direction.flag | Int16(EV_PERSIST)
        guard let event = event_new(loop.base, descriptor, flags, descriptorIsReady, context) else {
            throw .outOfMemory
        }
        self.event = event
    }

    deinit { if let event { event_free(event) } }

    func start() { event_add(event, nil) }
    func stop() { event_del(event) }

    fileprivate func fire() { onReady() }
}

private func descriptorIsReady(_: CInt, _: Int16, _ context: UnsafeMutableRawPointer?) {
    Unmanaged<Readiness>.fromOpaque(context!).takeUnretainedValue().fire()
}
