import Bytes
import CLibevent
import Glibc

// MARK: - Beginning

extension ByteStream {
    /// Goes over to TLS on a plain stream whose first bytes meant something else, such as a PROXY header.
    /// `streamConnected` tells of the handshake's end.
    ///
    /// - Parameter leftover: what was read behind them: the beginning of the handshake.
    package func startTLS(_ tls: TLSServer, leftover: Span<UInt8>) {
        precondition(state == .plain && output.isEmpty, "TLS begins on a plain stream with nothing queued")
        let layer = TLSLayer(tls, transport: self)
        layer.leftover.append(leftover)
        tlsLayer = layer
        state = .handshaking
        if !isReading { startReading() }
        // In an event of its own: the owner may be about to return from `streamReceived`.
        if !leftover.isEmpty { event_active(readEvent, Int32(EV_READ), 1) }
    }

    /// Queues bytes that go out as they are, ahead of the handshake that this stream is to begin with: a PROXY header.
    /// Only before `start`; on a plain stream it is the first `write`.
    package func writeInClear(_ bytes: Span<UInt8>) {
        precondition(state == .connecting, "the beginning of the connection is over")
        guard let tlsLayer else {
            output.append(bytes)
            return
        }
        tlsLayer.outgoing.append(bytes)
    }

    /// What the handshake has settled; nil before its end, and on a plain stream.
    package var tls: TLSFacts? { state == .encrypted ? tlsLayer?.facts : nil }

    /// Whether the handshake was a resumption; cheaper than all of `tls`.
    package var isResumed: Bool { state == .encrypted && tlsLayer?.isResumed == true }

    /// `TLSv1.3`; nil on a plain stream. Cheaper than all of `tls`.
    package var tlsVersion: StaticString? { state == .encrypted ? tlsLayer?.version : nil }

    package var isHandshaking: Bool { state == .handshaking }

    /// Whether a handshake was begun and has failed; the stream is a plain one since.
    package var hasFailedHandshake: Bool { handshakeHasFailed }
}

// MARK: - Handshake

extension ByteStream {
    /// The connection is there: the client's first flight goes out.
    func beginHandshake(_ layer: TLSLayer) {
        state = .handshaking
        stopWaitingForWritability()
        startReading()
        if !layer.outgoing.isEmpty { sendHandshake(layer) }
        guard state == .handshaking else { return }
        continueHandshake(layer)
    }

    private func continueHandshake(_ layer: TLSLayer) {
        switch layer.handshake() {
        case .needsMore: return
        case .done: handshakeEnded(layer)
        case .failed(let error):
            // The alert, if there is one, has been sent: whatever follows is in clear.
            state = .plain
            handshakeHasFailed = true
            output.release()
            swap(&output, &layer.outgoing)
            accountForQueue()
            tlsLayer = nil
            stopReading()
            if !output.isEmpty { waitForWritability() }
            handler.streamFailed(error)
        }
    }

    private func handshakeEnded(_ layer: TLSLayer) {
        state = .encrypted
        // From here on the queue holds what is encrypted; what the owner has written meanwhile comes first.
        var early = ByteBuffer()
        swap(&early, &output)
        swap(&output, &layer.outgoing)
        accountForQueue()
        layer.hasMore = layer.holdsInput
        var drained = false
        if !early.isEmpty {
            switch early.withSpan({ write($0) }) {
            case .written: drained = true
            case .queued: break
            case .failed(let error): return fail(error)
            }
        }
        handler.streamConnected()
        if drained, state == .encrypted, output.isEmpty { handler.streamDrained() }
        if layer.hasMore, isReading { readHeldInput(layer) }
    }

    /// Sends the rest of a flight.
    func sendHandshake(_ layer: TLSLayer) {
        let sent = layer.outgoing.withSpan {
            $0.withUnsafeBufferPointer { send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        }
        guard sent >= 0 || errno == EAGAIN || errno == EINTR else { return fail(SocketError("send", errno)) }
        layer.outgoing.removeFirst(max(sent, 0))
        layer.outgoing.isEmpty ? stopWaitingForWritability() : waitForWritability()
    }
}

// MARK: - Reading

extension ByteStream {
    func becameReadable(_ layer: TLSLayer) {
        state == .handshaking ? continueHandshake(layer) : receive(layer)
    }

    /// Decrypts what there is, record after record up to the scratch's size, and hands it out in one piece.
    ///
    /// What OpenSSL then still holds the socket's readiness does not tell of. It is read in an event of its own, after the
    /// other streams, and without asking the socket: what one stream holds is bounded, what its peer sends is not.
    private func receive(_ layer: TLSLayer) {
        var filled = 0
        var outcome = TLSLayer.ReadOutcome.blocked
        reading: repeat {
            outcome = layer.read(into: UnsafeMutableRawBufferPointer(rebasing: loop.scratch[filled...]))
            guard case .bytes(let count) = outcome else { break reading }
            filled += count
        } while filled < EventLoop.scratchBytes && layer.holdsInput
        layer.readsOnlyHeld = false
        if filled > 0 {
            layer.hasMore =
                switch outcome {
                case .bytes: layer.holdsInput
                case .blocked: false
                case .ended, .failed: true  // said again by the next read
                }
            let bytes = UnsafeRawBufferPointer(start: loop.scratch.baseAddress, count: filled)
            // Valid for the call: the scratch is not read into again before the handler returns.
            handler.streamReceived(bytes.assumingMemoryBound(to: UInt8.self).span)
            if layer.hasMore, isReading { readHeldInput(layer) }
            return
        }
        switch outcome {
        case .bytes, .blocked: layer.hasMore = false
        case .ended: endInput()
        case .failed(let error): fail(outputError ?? error)
        }
    }

    /// In a later event of this turn.
    func readHeldInput(_ layer: TLSLayer) {
        layer.readsOnlyHeld = true
        event_active(readEvent, Int32(EV_READ), 1)
    }

    func isQuiet(_ layer: TLSLayer, isSocketQuiet: Bool) -> Bool {
        guard state == .encrypted, !layer.hasMore else { return state != .encrypted && isSocketQuiet }
        return isSocketQuiet || layer.isQuiet
    }
}

// MARK: - Writing

extension ByteStream {
    /// The content of a record, at most (RFC 8446 §5.1).
    private static let recordBytesMax = 16 * 1024

    func write(_ bytes: Span<UInt8>, _ layer: TLSLayer) -> WriteResult {
        layer.isWriting = true
        defer { layer.isWriting = false }
        guard bytes.withUnsafeBytes({ layer.write($0) }) else { return .failed(outputError ?? SocketError("send", EPIPE)) }
        if let outputError { return .failed(outputError) }
        return output.isEmpty ? .written : .queued
    }

    /// A head and the beginning of its body go into one record.
    func write(_ head: Span<UInt8>, _ body: Span<UInt8>, _ layer: TLSLayer) -> WriteResult {
        guard head.count < Self.recordBytesMax else {
            _ = write(head, layer)
            return write(body, layer)
        }
        let first = min(body.count, Self.recordBytesMax - head.count)
        loop.recordScratch.removeAll()
        loop.recordScratch.append(head)
        loop.recordScratch.append(body.extracting(0..<first))
        let result = loop.recordScratch.withSpan { write($0, layer) }
        if case .failed = result { return result }
        return first == body.count ? result : write(body.extracting(first...), layer)
    }
}

// MARK: - Transport: what OpenSSL sees of the stream

extension ByteStream {
    /// What OpenSSL may write of its own accord, in answer to what it reads, before a peer that takes none of it is cut
    /// off: alerts and key updates have a few bytes each.
    private static let unaskedBytesMax = 64 * 1024

    /// The bytes read, 0 at the end; nil when there is nothing to read now, or no more at all (`transportError`).
    func transportRead(into bytes: UnsafeMutableRawBufferPointer) -> Int? {
        guard let tlsLayer else { return 0 }
        tlsLayer.isBlocked = false
        if !tlsLayer.leftover.isEmpty { return takeLeftover(tlsLayer, into: bytes) }
        if tlsLayer.hasTransportEnded { return 0 }
        if tlsLayer.readsOnlyHeld {
            tlsLayer.isBlocked = true
            return nil
        }
        let count = recv(descriptor, bytes.baseAddress, bytes.count, 0)
        if count > 0 { return count }
        if count == 0 {
            tlsLayer.hasTransportEnded = true
            return 0
        }
        switch errno {
        case EAGAIN, EINTR: tlsLayer.isBlocked = true
        case let code: tlsLayer.transportError = SocketError("recv", code)
        }
        return tlsLayer.isBlocked ? nil : 0
    }

    private func takeLeftover(_ layer: TLSLayer, into bytes: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(layer.leftover.count, bytes.count)
        layer.leftover.withSpan { leftover in
            leftover.withUnsafeBytes { bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
        layer.leftover.removeFirst(count)
        if layer.leftover.isEmpty { layer.leftover.release() }
        return count
    }

    var hasTransportEnded: Bool { tlsLayer?.hasTransportEnded ?? true }

    /// Sends or queues; false when a peer provokes answers without end and reads none. That a peer takes nothing any more
    /// is noted in `outputErrno`: it may have said something before.
    func transportWrite(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let layer = tlsLayer else { return false }
        guard outputErrno == 0 else { return true }
        let isQueueing = state == .handshaking ? !layer.outgoing.isEmpty : !output.isEmpty
        var sent = 0
        if !isQueueing {
            sent = shim_send(descriptor, bytes.baseAddress, bytes.count)
            layer.unaskedBytes = 0
            if sent == bytes.count { return true }
            guard sent >= 0 || errno == EAGAIN || errno == EINTR else {
                outputErrno = errno
                return true
            }
        }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[max(sent, 0)...]).assumingMemoryBound(to: UInt8.self)
        if state == .handshaking {
            layer.outgoing.append(rest.span)
        } else {
            output.append(rest.span)
            accountForQueue()
        }
        waitForWritability()
        if !layer.isWriting { layer.unaskedBytes &+= rest.count }
        return layer.unaskedBytes <= Self.unaskedBytesMax
    }
}
