import Bytes
import EventLoop
import HTTP1
import Metrics

// MARK: - TLS in front

extension DownstreamConnection {
    /// Whether the client's bytes came under TLS: `https` for the upstream.
    var isSecure: Bool { security != nil }

    /// The handshake is done.
    func handshakeEnded() {
        worker.count(.tlsHandshakes)
        if stream.isResumed { worker.count(.tlsResumptions) }
        if let header = security?.subjectHeader, let subject = stream.tls?.peerSubject {
            subjectLine = Array("\(header): \(subject)\r\n".utf8)
        }
        setDeadline(afterMilliseconds: worker.timeouts.head)
    }

    /// The handshake has come to nothing, and what is written now goes out in clear.
    func handshakeFailed(_ error: SocketError) {
        noteFailure(of: error.description)
        guard error.tls != nil else { return close() }  // the connection itself is gone
        // An alert may be on its way: closing at once would answer unread input with a reset and destroy it.
        guard error.tls == .plainHTTP else { return closeGracefully() }
        worker.requestBeganWithoutHead(from: peer)
        answer(.plainRequestUnderTLS, keepingConnection: false)
    }

    func handshakeExpired() {
        noteFailure(of: "not done in time")
        close()
    }

    private func noteFailure(of cause: String) {
        worker.count(.tlsHandshakeFailures)
        worker.log.handshakeFailed(cause, peer: peer, worker: worker)
    }

    /// Answers the request in `worker.requestHead`, parsed from `bytes`, on a listener that only sends clients elsewhere.
    func redirect(_ bytes: Span<UInt8>, toPort port: Int) {
        let head = worker.requestHead
        if head.method == .connect || head.targetForm == .authority { return answerRequest(.methodNotImplemented) }
        guard !head.host.isEmpty else { return answerRequest(.message(.hostMissing)) }
        let keeps = head.isPersistent && mayPersist && !head.expectsContinue
        worker.composeRedirect(bytes, toPort: port, keepingConnection: keeps)
        worker.record.answered(308, because: "redirect")
        guard sendComposedAnswer(), keeps else { return closeGracefully() }
        dropContent(head.framing)
    }
}
