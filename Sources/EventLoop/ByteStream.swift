import Bytes
import CLibevent
import Glibc

/// What happens to a stream, told to the connection that owns it.
package protocol ByteStreamHandler: AnyObject {
    /// Bytes arrived; the span is the loop's scratch and ends with the call. Never called while reading is paused.
    func streamReceived(_ bytes: Span<UInt8>)
    /// The peer has ended its side; reading has stopped. Writing may go on.
    func streamEnded()
    /// All that was queued has been written.
    func streamDrained()
    /// `connect` has succeeded, and the handshake with it where there is TLS. Also told of accepted streams, when their
    /// handshake is done.
    func streamConnected()
    /// Reset, time-out of the transport or any other failure; nothing more will be read or written. After a handshake
    /// that failed the stream is a plain one: its owner may close it at once, or write to it and end it in peace.
    func streamFailed(_ error: SocketError)
}

/// A non-blocking socket on a loop: reads into the loop's scratch, writes at once and queues only what did not fit.
/// Plain or under TLS: its owner reads and writes the same way.
///
/// Owner and stream keep each other until `close`, which every owner comes to. Closing within one of its own callbacks is
/// fine: the caller's reference keeps the object until the callback returns.
package final class ByteStream {
    package enum WriteResult: Equatable {
        /// The socket took everything.
        case written
        /// The rest waits in `queuedBytes`; `streamDrained` follows.
        case queued
        case failed(SocketError)
    }

    /// What is written goes out as it is only in `plain`: one test tells it from all else.
    enum State { case connecting, plain, handshaking, encrypted, closed }

    // What is not private here is for `ByteStream+TLS.swift`.
    var handler: any ByteStreamHandler
    let loop: EventLoop
    var readEvent: OpaquePointer?
    private var writeEvent: OpaquePointer?
    /// Bytes of the wire that the socket has not taken; until a connection is ready, what its owner has written.
    var output = ByteBuffer()
    /// What of `output` the loop's account holds.
    var accountedBytes = 0
    let descriptor: CInt
    var state: State
    var isReading = false
    var inputHasEnded = false
    /// Why the peer takes nothing any more, of `send`; 0: it does. It has reset the connection, and reading would not tell a second
    /// time. A number, as each idle connection has it.
    var outputErrno: CInt = 0
    /// Present from the handshake on, or from the beginning of a connection that will have one.
    var tlsLayer: TLSLayer?
    var handshakeHasFailed = false
    /// FIN is to follow what is queued.
    var endsOutputWhenDrained = false

    private init(descriptor: CInt, state: State, loop: EventLoop) {
        self.descriptor = descriptor
        self.state = state
        self.loop = loop
        handler = Nobody.shared
    }

    /// Takes over an accepted socket. Nothing happens before `start`.
    ///
    /// - Parameter tls: for TLS from the first byte on; `streamConnected` tells of the handshake's end.
    package convenience init(_ socket: AcceptedSocket, on loop: EventLoop, tls: TLSServer? = nil) {
        self.init(descriptor: socket.descriptor, state: tls == nil ? .plain : .handshaking, loop: loop)
        if let tls { tlsLayer = TLSLayer(tls, transport: self) }
    }

    /// Connects; once started, `streamConnected` or `streamFailed` follows in a later turn. What is written meanwhile is
    /// queued.
    ///
    /// - Parameter tls: how to shake hands before anything else; nil for a plain stream.
    package convenience init(
        connectingTo address: SocketAddress, on loop: EventLoop, tls: TLSClient? = nil
    ) throws(SocketError) {
        let flags = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.family, flags, 0)
        guard descriptor >= 0 else { throw SocketError("socket", errno) }
        guard !DescriptorReserve.holds(descriptor) else {
            Glibc.close(descriptor)
            throw SocketError("socket", EMFILE)
        }
        var on: CInt = 1
        setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<CInt>.size))
        let outcome = address.withSockaddr { connect(descriptor, $0, $1) }
        guard outcome == 0 || errno == EINPROGRESS else {
            let code = errno
            Glibc.close(descriptor)
            throw SocketError("connect", code)
        }
        self.init(descriptor: descriptor, state: .connecting, loop: loop)
        if let tls { tlsLayer = TLSLayer(tls, transport: self) }
    }

    /// Tells `handler` what happens from now on, and starts reading. Apart from `init`, so that an owner can hold its stream
    /// in a constant.
    package func start(for handler: any ByteStreamHandler) {
        self.handler = handler
        switch state {
        case .connecting: waitForWritability()
        case .handshaking: startReading()
        case .plain, .encrypted, .closed: resumeReading()
        }
    }

    deinit { close() }

    /// Bytes written by the owner that the socket has not taken yet.
    package var queuedBytes: Int { output.count }

    package var isOpen: Bool { state != .closed }

    var outputError: SocketError? { outputErrno == 0 ? nil : SocketError("send", outputErrno) }

    var canCarryBytes: Bool { state == .plain || state == .encrypted }
}

// MARK: - Reading

extension ByteStream {
    package func resumeReading() {
        guard !isReading, !inputHasEnded, canCarryBytes else { return }
        startReading()
        if let tlsLayer, tlsLayer.hasMore { readHeldInput(tlsLayer) }
    }

    /// Without effect during a handshake.
    package func pauseReading() {
        guard isReading, state != .handshaking else { return }
        stopReading()
    }

    func startReading() {
        if readEvent == nil {
            let context = Unmanaged.passUnretained(self).toOpaque()
            readEvent = event_new(
                loop.base, descriptor, Int16(EV_READ | EV_PERSIST), streamIsReadable, context)
        }
        event_add(readEvent, nil)
        isReading = true
    }

    func stopReading() {
        guard isReading else { return }
        event_del(readEvent)
        isReading = false
    }

    /// Whether bytes wait in the socket that no event has brought yet: a timer may fire in the turn in which they came.
    package var hasUnreadInput: Bool {
        var byte: UInt8 = 0
        guard canCarryBytes else { return false }
        return tlsLayer?.hasMore == true || recv(descriptor, &byte, 1, CInt(MSG_PEEK | MSG_DONTWAIT)) > 0
    }

    /// One read an event: with level-triggered readiness the rest comes back next turn, after the other streams.
    fileprivate func becameReadable() {
        if let tlsLayer { return becameReadable(tlsLayer) }
        let count = shim_recv(descriptor, loop.scratch.baseAddress, EventLoop.scratchBytes)
        if count > 0 {
            let bytes = UnsafeRawBufferPointer(start: loop.scratch.baseAddress, count: count)
            // Valid for the call: the scratch is not read into again before the handler returns.
            handler.streamReceived(bytes.assumingMemoryBound(to: UInt8.self).span)
            return
        }
        if count == 0, let outputError { return fail(outputError) }
        if count == 0 { return endInput() }
        switch errno {
        case EAGAIN, EINTR: return
        case let code: fail(SocketError("recv", code))
        }
    }

    func endInput() {
        inputHasEnded = true
        stopReading()
        handler.streamEnded()
    }
}

extension ByteStream {
    /// Whether nothing has arrived that has not been read: no bytes, no end, no reset. Costs a system call.
    package var isQuiet: Bool {
        var byte: UInt8 = 0
        let isSocketQuiet = recv(descriptor, &byte, 1, CInt(MSG_PEEK | MSG_DONTWAIT)) < 0 && errno == EAGAIN
        guard let tlsLayer else { return isSocketQuiet }
        return isQuiet(tlsLayer, isSocketQuiet: isSocketQuiet)
    }
}

// MARK: - Writing

extension ByteStream {
    package func write(_ bytes: Span<UInt8>) -> WriteResult {
        guard state == .plain, output.isEmpty else { return writeOtherwise(bytes) }
        let sent = bytes.withUnsafeBufferPointer { shim_send(descriptor, $0.baseAddress, $0.count) }
        if sent == bytes.count { return .written }
        guard sent >= 0 || errno == EAGAIN || errno == EINTR else { return .failed(SocketError("send", errno)) }
        return queue(bytes.extracting(max(sent, 0)...))
    }

    /// Writes `head` and then `body` with one system call.
    package func write(_ head: Span<UInt8>, _ body: Span<UInt8>) -> WriteResult {
        if body.isEmpty { return write(head) }
        if head.isEmpty { return write(body) }
        guard state == .plain, output.isEmpty else { return writeOtherwise(head, body) }
        let sent = head.withUnsafeBufferPointer { head in
            body.withUnsafeBufferPointer { body in
                // `writev` only reads through the pointers that `iovec` declares mutable.
                let parts: InlineArray<2, iovec> = [
                    iovec(iov_base: UnsafeMutableRawPointer(mutating: head.baseAddress), iov_len: head.count),
                    iovec(iov_base: UnsafeMutableRawPointer(mutating: body.baseAddress), iov_len: body.count),
                ]
                return parts.span.withUnsafeBufferPointer { writev(descriptor, $0.baseAddress, 2) }
            }
        }
        if sent == head.count + body.count { return .written }
        guard sent >= 0 || errno == EAGAIN || errno == EINTR else { return .failed(SocketError("writev", errno)) }
        let taken = max(sent, 0)
        if taken < head.count { _ = queue(head.extracting(taken...)) }
        return queue(body.extracting(max(taken - head.count, 0)...))
    }

    /// Not at once and as it is: queued behind what waits, or encrypted.
    private func writeOtherwise(_ bytes: Span<UInt8>) -> WriteResult {
        if let tlsLayer, state == .encrypted { return write(bytes, tlsLayer) }
        return queue(bytes)
    }

    private func writeOtherwise(_ head: Span<UInt8>, _ body: Span<UInt8>) -> WriteResult {
        if let tlsLayer, state == .encrypted { return write(head, body, tlsLayer) }
        _ = queue(head)
        return queue(body)
    }

    private func queue(_ bytes: Span<UInt8>) -> WriteResult {
        guard state != .closed else { return .failed(SocketError("send", EPIPE)) }
        output.append(bytes)
        accountForQueue()
        if state != .handshaking { waitForWritability() }
        return output.isEmpty ? .written : .queued
    }

    func waitForWritability() {
        if writeEvent == nil {
            let context = Unmanaged.passUnretained(self).toOpaque()
            writeEvent = event_new(
                loop.base, descriptor, Int16(EV_WRITE | EV_PERSIST), streamIsWritable, context)
        }
        event_add(writeEvent, nil)
    }

    /// The write event exists only while it is needed: an idle connection does not pay for one.
    func stopWaitingForWritability() {
        guard let event = writeEvent else { return }
        event_free(event)
        writeEvent = nil
    }

    fileprivate func becameWritable() {
        if state == .connecting {
            var code: CInt = 0
            var length = socklen_t(MemoryLayout<CInt>.size)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
            guard code == 0 else { return fail(SocketError("connect", code)) }
            if let tlsLayer { return beginHandshake(tlsLayer) }
            state = .plain
            resumeReading()
            handler.streamConnected()
            guard state == .plain else { return }
        }
        if let tlsLayer, state == .handshaking { return sendHandshake(tlsLayer) }
        if !output.isEmpty {
            let sent = output.withSpan { $0.withUnsafeBufferPointer { shim_send(descriptor, $0.baseAddress, $0.count) } }
            guard sent >= 0 || errno == EAGAIN || errno == EINTR else {
                // The peer may have answered before it closed: while we read, reading tells, answer first.
                guard isReading else { return fail(SocketError("send", errno)) }
                outputErrno = errno
                output.release()
                accountForQueue()
                return stopWaitingForWritability()
            }
            output.removeFirst(max(sent, 0))
            accountForQueue()
            guard output.isEmpty else { return }
            output.release()
        }
        stopWaitingForWritability()
        if endsOutputWhenDrained { return shutdownOutput() }
        handler.streamDrained()
    }
}

// MARK: - Ending

extension ByteStream {
    /// Sends FIN behind what has been written, and `close_notify` before it where there is TLS. Call it only when nothing
    /// is queued.
    package func shutdownOutput() {
        if let tlsLayer, state == .encrypted {
            tlsLayer.sendCloseNotify()
            endsOutputWhenDrained = !output.isEmpty
        }
        if !endsOutputWhenDrained { shutdown(descriptor, CInt(SHUT_WR)) }
    }

    /// Closes at once; what is queued is lost. Under TLS the peer is told that the end is meant, unless something is lost.
    /// Idempotent.
    package func close() {
        if let tlsLayer, state == .encrypted, output.isEmpty, outputErrno == 0 { tlsLayer.sendCloseNotify() }
        release()
    }

    private func release() {
        guard state != .closed else { return }
        state = .closed
        handler = Nobody.shared
        tlsLayer?.forgoCloseNotify()
        if let readEvent { event_free(readEvent) }
        if let writeEvent { event_free(writeEvent) }
        readEvent = nil
        writeEvent = nil
        isReading = false
        output.release()
        accountForQueue()
        Glibc.close(descriptor)
    }

    /// Closes with a reset, so that the peer cannot take what it has got for the whole.
    package func abort() {
        guard state != .closed else { return }
        var lingering = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &lingering, socklen_t(MemoryLayout<linger>.size))
        release()
    }

    func fail(_ error: SocketError) {
        stopReading()
        stopWaitingForWritability()
        handler.streamFailed(error)
    }
}

/// Stands in before `start` and after `close`: no event is registered then, so nothing is ever told to it.
private final class Nobody: ByteStreamHandler, Sendable {
    static let shared = Nobody()
    func streamReceived(_ bytes: Span<UInt8>) {}
    func streamEnded() {}
    func streamDrained() {}
    func streamConnected() {}
    func streamFailed(_ error: SocketError) {}
}

// MARK: - C entry points

private func streamIsReadable(_: CInt, _: Int16, _ context: UnsafeMutableRawPointer?) {
    Unmanaged<ByteStream>.fromOpaque(context!).takeUnretainedValue().becameReadable()
}

private func streamIsWritable(_: CInt, _: Int16, _ context: UnsafeMutableRawPointer?) {
    Unmanaged<ByteStream>.fromOpaque(context!).takeUnretainedValue().becameWritable()
}
