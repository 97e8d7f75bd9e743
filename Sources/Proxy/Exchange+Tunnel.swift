import Authentication
import Bytes
import EventLoop
import HTTP1
import Metrics

// MARK: - Tunnels (RFC 9110 §7.8)

extension Exchange {
    /// Relays the 101 in `worker.responseHead`, parsed from `bytes`, and whatever came behind it.
    func openTunnel(_ bytes: Span<UInt8>) {
        guard wantsUpgrade, requestIsWhole, let downstream, let upstream, let authenticator = snapshot?.authenticator else {
            return fail(.upstreamMalformed(.upgradeNotAskedFor))
        }
        guard let protocols = worker.responseHead.fields.first(.upgrade), !protocols.value.isEmpty else {
            return fail(.upstreamMalformed(.upgradeToNothing))
        }
        if let admission = self.admission, authenticator.isRevoked(admission, now: worker.numericDate) {
            return fail(.revoked(origin))
        }
        record.status = 101
        record.lasts = true
        let admission = self.admission.take()
        if let admission { worker.renewalDecided(.skipped(.interimResponse), admission, &record) }
        let protocolName = bytes.extracting(protocols.value.bounds)
        worker.snapshot.explanation?.drop(from: &worker.responseHead.fields, bytes)
        worker.headOutput.removeAll()
        worker.headOutput.append("HTTP/1.1 101 ")
        worker.headOutput.append(bytes.extracting(worker.responseHead.reason.bounds))
        worker.headOutput.append("\r\n")
        worker.responseHead.fields.appendKept(from: bytes, to: &worker.headOutput)
        worker.headOutput.append("Connection: upgrade\r\nUpgrade: ")
        worker.headOutput.append(protocolName)
        worker.headOutput.append("\r\n")
        if let admission { worker.appendExplanation(of: admission, record, authenticator, to: &worker.headOutput) }
        worker.headOutput.append("\r\n")

        let tunnel = Tunnel(
            of: self, between: downstream, and: upstream, isWebSocket: protocolName.equalsIgnoringCase("websocket"))
        answer = .tunnel
        self.tunnel = tunnel
        if holdsRequestSlot { returnRequestSlot() }
        if let admission {
            worker.sessionSeen(admission, .skipped(.interimResponse), authenticator)
            joinStreams(admission)
        }
        worker.count(.tunnelsOpened)
        worker.log.tunnelOpened(self, isWebSocket: tunnel.isWebSocket, peer: downstream.client, worker: worker)
        switch worker.headOutput.withSpan({ downstream.stream.write($0) }) {
        case .written: break
        case .queued: upstream.stream.pauseReading()
        case .failed: return downstream.connectionLost()
        }
        let rest = bytes.extracting(worker.responseHead.length...)
        rest.isEmpty ? tunnel.progressed() : tunnel.received(fromUpstream: rest)
        if self.tunnel === tunnel { downstream.tunnelOpened() }
    }

    /// Ends both sides; what is queued for the client is still written, unless `isCut`.
    func closeTunnel(_ cause: StreamEnd, isCut: Bool = false) {
        leaveStreams(cause)
        detach()?.close()
        answer = .finished
        end { downstream, _ in isCut ? downstream.abort() : downstream.closeGracefully() }
    }
}
