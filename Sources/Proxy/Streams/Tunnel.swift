import Authentication
import Bytes
import EventLoop
import HTTP1
import WebSocket

/// What an exchange becomes after 101 (RFC 9110 §7.8): bytes both ways, without meaning to the gateway but for where the
/// frames of a WebSocket end.
///
/// Each direction paces the other, and ends by itself: one side's FIN is passed on and the other direction goes on. When the
/// gateway ends a tunnel, it closes a WebSocket as an endpoint would (RFC 6455 §7.1.2): a close frame to both sides, each
/// behind a whole frame, then nothing more; it waits `closeTime` for the close frames of both. Other protocols just end.
final class Tunnel {
    /// How long a frame on its way may take to end, and the peers to answer a close frame, in milliseconds: a round trip or
    /// two on a bad line. Nothing of a session outlives it by more.
    static let closeTime: Int64 = 2_000

    private enum Phase {
        case open
        /// Both sides have been sent this frame, or will be when the frame on its way there has ended.
        case closing(CloseFrame, StreamEnd)
    }

    private let exchange: Exchange
    private let downstream: DownstreamConnection
    private let upstream: UpstreamConnection
    private var phase = Phase.open
    private var fromClient: Way
    private var fromUpstream: Way
    /// Which side ended first.
    private var firstEnd: StreamEnd?
    let opened: Instant

    init(
        of exchange: Exchange, between downstream: DownstreamConnection, and upstream: UpstreamConnection, isWebSocket: Bool
    ) {
        self.exchange = exchange
        self.downstream = downstream
        self.upstream = upstream
        fromClient = Way(hasFrames: isWebSocket)
        fromUpstream = Way(hasFrames: isWebSocket)
        opened = exchange.worker.loop.now
    }

    var isWebSocket: Bool { fromClient.frames != nil }
    var bytesFromClient: Int { fromClient.byteCount }
    var bytesFromUpstream: Int { fromUpstream.byteCount }
}

/// One direction of a tunnel.
private struct Way {
    /// Nil: the protocol is no WebSocket.
    var frames: FrameTracker?
    /// What has been passed on.
    var byteCount = 0
    /// Its source has ended its side.
    var hasEnded = false
    /// Nothing more is passed on: the gateway's close frame was the last, or its source's own.
    var isShut = false

    init(hasFrames: Bool) { frames = hasFrames ? FrameTracker() : nil }

    /// Nothing more can come that matters.
    var isOver: Bool { hasEnded || frames?.hasClosed ?? true }

    /// Takes note of what is passed on whole.
    mutating func pass(_ bytes: Span<UInt8>) {
        frames?.pass(bytes)
        byteCount &+= bytes.count
    }

    /// Takes note of what comes while the tunnel closes: the rest of the frame on its way is passed on, and then nothing.
    /// - Returns: how many bytes are to be passed on, and whether the gateway's close frame goes behind them.
    mutating func finish(_ bytes: Span<UInt8>) -> (passed: Int, closes: Bool) {
        var passed = 0
        if !isShut { frames?.advance(bytes, from: &passed) }
        let closes = shut()
        frames?.pass(bytes.extracting(passed...))
        byteCount &+= passed
        return (passed, closes)
    }

    /// Shuts this way if it is between two frames. True when the gateway's close frame is to be sent now: its source has
    /// sent none.
    mutating func shut() -> Bool {
        guard !isShut, !hasEnded, let frames, frames.isBetweenFrames else { return false }
        isShut = true
        return !frames.hasClosed
    }
}

// MARK: - Bytes

extension Tunnel {
    func received(fromClient bytes: Span<UInt8>) {
        guard case .closing(let frame, _) = phase else {
            fromClient.pass(bytes)
            if sendUpstream(bytes) { progressed() }
            return
        }
        let (passed, closes) = fromClient.finish(bytes)
        guard passed == 0 || sendUpstream(bytes.extracting(0..<passed)) else { return }
        guard !closes || sendUpstream(frame) else { return }
        endIfClosed()
    }

    func received(fromUpstream bytes: Span<UInt8>) {
        guard case .closing(let frame, _) = phase else {
            fromUpstream.pass(bytes)
            if sendDownstream(bytes) { progressed() }
            return
        }
        let (passed, closes) = fromUpstream.finish(bytes)
        guard passed == 0 || sendDownstream(bytes.extracting(0..<passed)) else { return }
        guard !closes || sendDownstream(frame) else { return }
        endIfClosed()
    }

    /// False when that ended the tunnel.
    private func sendUpstream(_ bytes: Span<UInt8>) -> Bool {
        switch upstream.stream.write(bytes) {
        case .written: return true
        case .queued:
            if !fromClient.isShut { downstream.updateReading() }
            return true
        case .failed:
            exchange.closeTunnel(.upstreamLost)
            return false
        }
    }

    /// False when that ended the tunnel.
    private func sendDownstream(_ bytes: Span<UInt8>) -> Bool {
        switch downstream.stream.write(bytes) {
        case .written: return true
        case .queued:
            if !fromUpstream.isShut { upstream.stream.pauseReading() }
            return true
        case .failed:
            downstream.connectionLost()
            return false
        }
    }

    /// The tunnel ends when nothing has moved for `timeouts.tunnel`; its session's end is watched over by `SessionStreams`.
    func progressed() {
        guard case .open = phase else { return }
        downstream.setDeadline(afterMilliseconds: exchange.worker.timeouts.tunnel)
    }

    func upstreamDrained() {
        progressed()
        guard fromClient.hasEnded else { return }
        upstream.stream.shutdownOutput()
        if fromUpstream.hasEnded { exchange.closeTunnel(firstEnd ?? .clientEnded) }
    }

    func downstreamDrained() {
        progressed()
        if fromUpstream.hasEnded { downstream.stream.shutdownOutput() }
    }

    /// One side has sent all it will; the other direction goes on.
    func ended(_ side: StreamEnd) {
        if firstEnd == nil { firstEnd = side }
        let isUpstream = side == .upstreamEnded
        if isUpstream { fromUpstream.hasEnded = true } else { fromClient.hasEnded = true }
        if case .closing = phase { return endIfClosed() }
        let other = isUpstream ? downstream.stream : upstream.stream
        if other.queuedBytes == 0 { other.shutdownOutput() }
        if fromClient.hasEnded && fromUpstream.hasEnded && upstream.stream.queuedBytes == 0 {
            exchange.closeTunnel(firstEnd ?? side)
        }
    }
}

// MARK: - Closing

extension Tunnel {
    /// Ends the tunnel; a WebSocket as its protocol asks, which takes `closeTime` at most.
    func close(_ cause: StreamEnd) {
        guard case .open = phase else { return }
        guard let fromClientFrames = fromClient.frames, let fromUpstreamFrames = fromUpstream.frames,
            !fromClientFrames.isLost, !fromUpstreamFrames.isLost
        else { return exchange.closeTunnel(cause) }
        let frame = CloseFrame(cause)
        phase = .closing(frame, cause)
        downstream.setDeadline(afterMilliseconds: Self.closeTime)
        if fromUpstream.shut(), !sendDownstream(frame) { return }
        if fromClient.shut(), !sendUpstream(frame) { return }
        // What comes is looked at and dropped, so it need not wait for anything.
        if fromUpstream.isShut { upstream.stream.resumeReading() }
        if fromClient.isShut { downstream.stream.resumeReading() }
        endIfClosed()
    }

    /// Idle, or not closed in time.
    func deadlineExpired() {
        switch phase {
        case .open: close(.idle)
        case .closing(_, let cause):
            // Queued still: the client does not read, or the frame on its way to it has not ended.
            exchange.closeTunnel(cause, isCut: downstream.stream.queuedBytes > 0)
        }
    }

    private func endIfClosed() {
        guard case .closing(_, let cause) = phase, fromClient.isOver, fromUpstream.isOver else { return }
        exchange.closeTunnel(cause)
    }

    private func sendDownstream(_ frame: CloseFrame) -> Bool {
        var bytes = ByteBuffer()
        frame.append(to: &bytes)
        return bytes.withSpan { sendDownstream($0) }
    }

    private func sendUpstream(_ frame: CloseFrame) -> Bool {
        var bytes = ByteBuffer()
        frame.append(masked: .random(in: .min ... .max), to: &bytes)
        return bytes.withSpan { sendUpstream($0) }
    }
}

extension CloseFrame {
    fileprivate init(_ cause: StreamEnd) {
        self =
            switch cause {
            case .sessionExpired: .sessionExpired
            case .revoked: .revoked
            case .idle: .idle
            case .drained, .clientEnded, .clientLost, .upstreamEnded, .upstreamLost: .goingAway
            }
    }
}
