import Bytes
import EventLoop
import HTTP1
import ProxyProtocol

// MARK: - What the upstream is told about the client

extension Exchange {
    /// - Parameter bytes: what the worker's `requestHead` was parsed from.
    func appendForwardedFields(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, for downstream: DownstreamConnection, to request: inout ByteBuffer
    ) {
        let authority = bytes.extracting(head.authority.bounds)
        if let rules = snapshot?.edge, !rules.forwardsPlainly {
            appendForwardedFields(head.fields, bytes, authority, worker.forwardedFacts, rules, downstream, to: &request)
        } else {
            request.append("X-Forwarded-For: ")
            downstream.peer.appendHost(to: &request)
            request.append(downstream.isSecure ? "\r\nX-Forwarded-Proto: https\r\n" : "\r\nX-Forwarded-Proto: http\r\n")
            if !authority.isEmpty {
                request.append("X-Forwarded-Host: ")
                request.append(authority)
                request.append("\r\n")
            }
        }
        if !downstream.subjectLine.isEmpty { request.append(downstream.subjectLine) }
    }

    private func appendForwardedFields(
        _ fields: borrowing FieldSection, _ bytes: Span<UInt8>, _ authority: Span<UInt8>, _ facts: ForwardedFacts,
        _ rules: EdgeRules, _ downstream: DownstreamConnection, to request: inout ByteBuffer
    ) {
        let passesOn = facts.isTrusted && !facts.isMalformed
        let isSecure = facts.isSecure ?? downstream.isSecure
        let host = facts.host.isEmpty ? authority : bytes.extracting(facts.host.bounds)
        if rules.forwardedFields.hasXForwarded {
            request.append("X-Forwarded-For: ")
            let hasList = passesOn && Self.appendList(.xForwardedFor, fields, bytes, to: &request)
            // A peer behind a Unix socket has no address to put there, and readers of such lists know of nothing else.
            if !hasList || downstream.peer.ipAddress != nil {
                if hasList { request.append(", ") }
                downstream.peer.appendHost(to: &request)
            }
            request.append(isSecure ? "\r\nX-Forwarded-Proto: https\r\n" : "\r\nX-Forwarded-Proto: http\r\n")
            if !host.isEmpty {
                request.append("X-Forwarded-Host: ")
                request.append(host)
                request.append("\r\n")
            }
            if !facts.port.isEmpty {
                request.append("X-Forwarded-Port: ")
                request.append(bytes.extracting(facts.port.bounds))
                request.append("\r\n")
            } else if let destination = downstream.destination {
                request.append("X-Forwarded-Port: ")
                request.append(decimal: Int(destination.port))
                request.append("\r\n")
            }
        }
        if rules.forwardedFields.hasForwarded {
            request.append("Forwarded: ")
            if passesOn, Self.appendList(.forwarded, fields, bytes, to: &request) { request.append(", ") }
            ForwardedElement.append(
                for: downstream.peer.ipAddress, host: authority, isSecure: downstream.isSecure, to: &request)
            request.append("\r\n")
        }
        if !rules.trustedPeers.isEmpty {
            request.append("X-Real-IP: ")
            downstream.client.appendHost(to: &request)
            request.append("\r\n")
        }
    }

    /// Appends the lines of that name as one list; false when there is nothing in them.
    private static func appendList(
        _ name: FieldName, _ fields: borrowing FieldSection, _ bytes: Span<UInt8>, to request: inout ByteBuffer
    ) -> Bool {
        var hasList = false
        for index in fields.lines.indices where fields.lines[index].id == name && !fields.lines[index].value.isEmpty {
            if hasList { request.append(", ") }
            request.append(bytes.extracting(fields.lines[index].value.bounds))
            hasList = true
        }
        return hasList
    }
}
