import Authentication
import Bytes
import EventLoop
import HTTP1

// MARK: - Tunnels (RFC 9110 §7.8): after 101 both sides are bytes without meaning to the gateway

extension Exchange {
    /// Relays the 101 in `worker.responseHead`, parsed from `bytes`, and whatever came behind it.
    func openTunnel(_ bytes: Span<UInt8>) {
        guard wantsUpgrade, requestIsWhole, let downstream, let upstream else {
            return fail(.upstreamMalformed(.upgradeNotAskedFor))
        }
        guard let protocols = worker.responseHead.fields.first(.upgrade), !protocols.value.isEmpty else {
            return fail(.upstreamMalformed(.upgradeToNothing))
        }
        worker.headOutput.removeAll()
        worker.headOutput.append("HTTP/1.1 101 ")
        worker.headOutput.append(bytes.extracting(worker.responseHead.reason.bounds))
        worker.headOutput.append("\r\n")
        worker.responseHead.fields.appendKept(from: bytes, to: &worker.headOutput)
        worker.headOutput.append("Connection: upgrade\r\nUpgrade: ")
        worker.headOutput.append(bytes.extracting(protocols.value.bounds))
        worker.headOutput.append("\r\n\r\n")
        answer = .tunnel
        clientHasEnded = false
        upstreamHasEnded = false
        tunnelEnd = worker.instant(of: snapshot?.authenticator.tunnelEnd(of: admission))
        worker.log.tunnelOpened(admission, peer: downstream.peer, worker: worker)
        let rest = bytes.extracting(worker.responseHead.length...)
        switch worker.headOutput.withSpan({ downstream.stream.write($0, rest) }) {
        case .written: break
        case .queued: upstream.stream.pauseReading()
        case .failed: return downstream.connectionLost()
        }
        tunnelProgressed()
        downstream.tunnelOpened()
    }

    /// The tunnel's next deadline: idle for too long, or the end of the session that opened it, whichever is first.
    private func tunnelProgressed() {
        downstream?.setDeadline(at: min(worker.loop.now.advanced(byMilliseconds: worker.timeouts.idle), tunnelEnd))
    }

    func tunnelReceived(fromClient bytes: Span<UInt8>) -> Int {
        guard let upstream else { return bytes.count }
        switch upstream.stream.write(bytes) {
        case .written: break
        case .queued: downstream?.updateReading()
        case .failed:
            closeTunnel()
            return bytes.count
        }
        tunnelProgressed()
        return bytes.count
    }

    func tunnelReceived(fromUpstream bytes: Span<UInt8>) {
        guard let downstream, let upstream else { return }
        switch downstream.stream.write(bytes) {
        case .written: break
        case .queued: upstream.stream.pauseReading()
        case .failed: return downstream.connectionLost()
        }
        tunnelProgressed()
    }

    func tunnelDrainedUpstream() {
        tunnelProgressed()
        guard clientHasEnded else { return }
        upstream?.stream.shutdownOutput()
        if upstreamHasEnded { closeTunnel() }
    }

    func tunnelDrainedDownstream() {
        tunnelProgressed()
        if upstreamHasEnded { downstream?.stream.shutdownOutput() }
    }

    /// One side has sent all it will; the other direction goes on.
    func tunnelEnded(byUpstream: Bool) {
        guard let upstream, let downstream else { return }
        if byUpstream {
            upstreamHasEnded = true
            if downstream.stream.queuedBytes == 0 { downstream.stream.shutdownOutput() }
        } else {
            clientHasEnded = true
            if upstream.stream.queuedBytes == 0 { upstream.stream.shutdownOutput() }
        }
        if clientHasEnded && upstreamHasEnded && upstream.stream.queuedBytes == 0 { closeTunnel() }
    }

    /// Ends both sides; what is queued for the client is still written.
    func closeTunnel() {
        detach()?.close()
        answer = .finished
        end { downstream, _ in downstream.closeGracefully() }
    }
}
