import Bytes
import Glibc
import Synchronization
import Testing

@testable import EventLoop

/// Streams of our own on both ends, over a pair of sockets.
@Suite("TLS on a byte stream")
struct TLSStreamTests {
    /// Both ends live as long as the test.
    final class Streams {
        var all: [ByteStream] = []
    }

    let loop: EventLoop
    let streams = Streams()
    let near = Recorder()
    let far = Recorder()
    let authority: CertificateAuthority
    let certificate: TLSCertificate

    init() throws {
        loop = try EventLoop()
        authority = try CertificateAuthority()
        try authority.issue("site", for: ["site.test", "*.wild.test"])
        certificate = try TLSCertificate(chain: authority.bytes("site.pem"), key: authority.bytes("site.key"))
    }

    func makeServer(_ change: (inout TLSServer.Settings) -> Void = { _ in }) throws -> TLSServer {
        var settings = TLSServer.Settings(certificates: [certificate])
        settings.ticketKeys = try TicketKeys()
        change(&settings)
        return try TLSServer(settings)
    }

    func makeClient(
        _ name: TLSClient.ServerName = .host("site.test"), _ change: (inout TLSClientContext.Settings) -> Void = { _ in }
    ) throws -> TLSClient {
        var settings = TLSClientContext.Settings(trust: .authorities(authority.bytes("ca.pem")))
        change(&settings)
        return TLSClient(try TLSClientContext(settings), name: name)
    }

    /// The client end tells `near`, the server end `far`.
    func connect(_ client: TLSClient, _ server: TLSServer) throws -> (client: ByteStream, server: ByteStream) {
        let listening = try ListeningSocket(boundTo: .ipv4(address: 0x7F00_0001, port: 0))
        var accepted: AcceptedSocket?
        let listener = try Listener(listening, on: loop) { event in
            if case .accepted(let socket) = event { accepted = socket }
        }
        let stream = try ByteStream(connectingTo: listening.address, on: loop, tls: client)
        stream.start(for: near)
        try loop.run { accepted != nil }
        let other = ByteStream(try #require(accepted), on: loop, tls: server)
        other.start(for: far)
        streams.all += [stream, other]
        withExtendedLifetime(listener) {}
        return (stream, other)
    }

    /// As `connect`, with the handshake done.
    func shakeHands(_ client: TLSClient, _ server: TLSServer) throws -> (client: ByteStream, server: ByteStream) {
        let streams = try connect(client, server)
        try loop.run { near.isConnected && far.isConnected }
        return streams
    }

    @Test func `shakes hands, tells both sides, and carries bytes both ways`() throws {
        let (client, server) = try shakeHands(makeClient(), makeServer())
        #expect(client.tls?.version == "TLSv1.3")
        #expect(client.tls?.applicationProtocol == "http/1.1")
        #expect(server.tls?.serverName == "site.test")
        #expect(server.tls?.peerSubject == nil)
        #expect(client.write(Array("ping".utf8).span) == .written)
        #expect(server.write(Array("po".utf8).span, Array("ng".utf8).span) == .written)
        try loop.run { near.received.count == 4 && far.received.count == 4 }
        #expect(String(decoding: near.received, as: UTF8.self) == "pong")
        #expect(String(decoding: far.received, as: UTF8.self) == "ping")
    }

    @Test func `what is written before the handshake is done goes out behind it`() throws {
        let (client, _) = try connect(makeClient(), makeServer())
        #expect(client.write(Array("early ".utf8).span) == .queued)
        #expect(client.write(Array("words".utf8).span) == .queued)
        #expect(client.queuedBytes == 11)
        try loop.run { far.received.count == 11 }
        #expect(String(decoding: far.received, as: UTF8.self) == "early words")
        #expect(near.drains == 1)
        #expect(client.queuedBytes == 0)
    }

    @Test func `large content arrives whole and in order, through back-pressure and pauses`() throws {
        let (client, server) = try shakeHands(makeClient(), makeServer())
        server.pauseReading()
        var expected: [UInt8] = []
        var wasQueued = false
        for round in 0..<250 {
            let piece = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ round) }
            expected += piece
            if client.write(piece.span, [UInt8(round)].span) == .queued { wasQueued = true }
            expected.append(UInt8(round))
        }
        #expect(wasQueued)
        // Every delivery pauses; a timer resumes: what OpenSSL holds meanwhile must not be forgotten.
        far.onEvent = { [unowned server] in server.pauseReading() }
        var resume: LoopTimer?
        resume = try LoopTimer(on: loop) { [unowned server] in
            server.resumeReading()
            resume?.schedule(afterMilliseconds: 0)
        }
        resume?.schedule(afterMilliseconds: 0)
        try loop.run { far.received.count == expected.count }
        resume?.cancel()
        #expect(far.received == expected)
        #expect(near.drains == 1)
    }

    @Test func `an end with close_notify is an end, and the other direction goes on`() throws {
        let (client, server) = try shakeHands(makeClient(), makeServer())
        client.shutdownOutput()
        try loop.run { far.isEnded }
        #expect(far.failure == nil)
        #expect(server.write(Array("answer".utf8).span) == .written)
        server.shutdownOutput()
        try loop.run { near.isEnded }
        #expect(String(decoding: near.received, as: UTF8.self) == "answer")
    }

    @Test func `an end without close_notify is a failure, after what came before it`() throws {
        let (client, server) = try shakeHands(makeClient(), makeServer())
        #expect(server.write(Array("half".utf8).span) == .written)
        shutdown(server.descriptor, CInt(SHUT_WR))
        try loop.run { near.failure != nil }
        #expect(String(decoding: near.received, as: UTF8.self) == "half")
        #expect(near.failure?.tls == .truncated)
        #expect(!near.isEnded)
        #expect(client.isOpen)
    }

    @Test func `an alert is a failure and no end`() throws {
        let (client, server) = try shakeHands(makeClient(), makeServer())
        // A record that cannot be decrypted: the client answers it with an alert.
        let record: [UInt8] = [0x17, 0x03, 0x03, 0x00, 0x20] + [UInt8](repeating: 7, count: 32)
        _ = record.withUnsafeBytes { send(server.descriptor, $0.baseAddress, $0.count, 0) }
        try loop.run { near.failure != nil && far.failure != nil }
        guard case .protocolError = near.failure?.tls, case .protocolError = far.failure?.tls else {
            Issue.record("\(near.failure as Any) \(far.failure as Any)")
            return
        }
        #expect(!near.isEnded && !far.isEnded)
        #expect(client.isOpen)
    }

    @Test func `close tells the peer, abort does not`() throws {
        let (client, _) = try shakeHands(makeClient(), makeServer())
        client.close()
        try loop.run { far.isEnded || far.failure != nil }
        #expect(far.isEnded)
        far.isEnded = false
        let (second, _) = try shakeHands(makeClient(), makeServer())
        second.abort()
        try loop.run { far.isEnded || far.failure != nil }
        #expect(!far.isEnded)
    }

    @Test func `a session is resumed, also under the keys of an earlier context`() throws {
        let keys = try TicketKeys()
        let client = try makeClient()
        for attempt in 0..<3 {
            // A new context each time, as after a reload.
            let server = try makeServer { $0.ticketKeys = keys }
            let (near, far) = try shakeHands(client, server)
            #expect(near.isResumed == (attempt > 0))
            #expect(far.isResumed == (attempt > 0))
            #expect(far.write([1].span) == .written)
            try loop.run { !self.near.received.isEmpty }  // behind the tickets
            near.close()
            far.close()
            (self.near.isConnected, self.far.isConnected, self.near.received) = (false, false, [])
        }
    }

    @Test func `no session is resumed without ticket keys`() throws {
        let client = try makeClient()
        for _ in 0..<2 {
            let (near, far) = try shakeHands(client, makeServer { $0.ticketKeys = nil })
            #expect(!near.isResumed)
            near.close()
            far.close()
            (self.near.isConnected, self.far.isConnected) = (false, false)
        }
    }

    @Test func `ticket keys change in time, and open what the ones before have sealed until it expires`() throws {
        let clock = Clock()
        let keys = try TicketKeys(now: { clock.seconds.withLock { $0 } })
        let client = try makeClient()
        let server = try makeServer { $0.ticketKeys = keys }
        func isResumed() throws -> Bool {
            let (near, far) = try shakeHands(client, server)
            #expect(far.write([1].span) == .written)
            try loop.run { !self.near.received.isEmpty }
            defer {
                near.close()
                far.close()
                (self.near.isConnected, self.far.isConnected, self.near.received) = (false, false, [])
            }
            return near.isResumed
        }
        #expect(try !isResumed())
        clock.seconds.withLock { $0 += TicketKeys.rotationSeconds + 1 }
        #expect(try isResumed())
        clock.seconds.withLock { $0 += TicketKeys.rotationSeconds + TicketKeys.lifetimeSeconds }
        #expect(try !isResumed())
    }

    // MARK: Refusals

    func failure(_ client: TLSClient, _ server: TLSServer) throws -> TLSFailure? {
        let (stream, _) = try connect(client, server)
        try loop.run { near.failure != nil || near.isConnected }
        if near.isConnected {  // in TLS 1.3 the server's refusal arrives after the client's handshake is done
            try loop.run { near.failure != nil }
        }
        stream.close()
        return near.failure?.tls
    }

    @Test func `a certificate for another name is refused`() throws {
        let failure = try failure(makeClient(.host("other.test")), makeServer())
        #expect(failure == .certificate("hostname mismatch"))
    }

    @Test(arguments: ["a.wild.test", "A.WILD.test"])
    func `a wildcard holds for one label`(_ host: String) throws {
        _ = try shakeHands(makeClient(.host(host)), makeServer())
    }

    @Test func `a wildcard does not hold for two labels`() throws {
        #expect(try failure(makeClient(.host("a.b.wild.test")), makeServer()) == .certificate("hostname mismatch"))
    }

    @Test func `an address must be among the certificate's addresses`() throws {
        #expect(try failure(makeClient(.address("127.0.0.1")), makeServer()) == .certificate("IP address mismatch"))
        try authority.issue("address", for: ["IP:127.0.0.1"])
        let certificate = try TLSCertificate(chain: authority.bytes("address.pem"), key: authority.bytes("address.key"))
        _ = try shakeHands(makeClient(.address("127.0.0.1")), makeServer { $0.certificates = [certificate] })
    }

    @Test func `a certificate of an unknown authority is refused unless nobody asks`() throws {
        let other = try CertificateAuthority()
        let text = other.bytes("ca.pem")
        let refused = try failure(makeClient { $0.trust = .authorities(text) }, makeServer())
        #expect(refused?.isAboutCertificate == true)
        _ = try shakeHands(makeClient { $0.trust = .anyone }, makeServer())
    }

    @Test func `a client is known by its certificate`() throws {
        try authority.issue("client", for: [], subject: "/O=Böhm, Sons/CN=job 7")
        let own = try TLSCertificate(chain: authority.bytes("client.pem"), key: authority.bytes("client.key"))
        let text = authority.bytes("ca.pem")
        let server = try makeServer { $0.clients = TLSServer.ClientVerification(authorities: text, isRequired: true) }
        let client = try makeClient { $0.certificate = own }
        for attempt in 0..<2 {  // a resumed session keeps it
            let (near, far) = try shakeHands(client, server)
            #expect(far.tls?.peerSubject == "CN=job 7,O=B\\C3\\B6hm\\, Sons")
            #expect(far.isResumed == (attempt > 0))
            #expect(far.write([1].span) == .written)
            try loop.run { !self.near.received.isEmpty }
            near.close()
            far.close()
            (self.near.isConnected, self.far.isConnected, self.near.received) = (false, false, [])
        }
        self.near.isConnected = false
        let refusal = try failure(makeClient(), server)
        #expect("\(try #require(refusal))".contains("certificate required"))
    }

    @Test func `no session of a listener that asks nobody is resumed where a certificate is required`() throws {
        let keys = try TicketKeys()
        let client = try makeClient()
        let text = authority.bytes("ca.pem")
        let (near, far) = try shakeHands(client, makeServer { $0.ticketKeys = keys })
        #expect(far.write([1].span) == .written)
        try loop.run { !self.near.received.isEmpty }
        near.close()
        far.close()
        (self.near.isConnected, self.far.isConnected) = (false, false)
        let strict = try makeServer {
            $0.ticketKeys = keys
            $0.clients = TLSServer.ClientVerification(authorities: text, isRequired: true)
        }
        #expect(try failure(client, strict) != nil)
    }

    @Test func `plain HTTP is told from TLS and can be answered in clear`() throws {
        let (left, right) = makeSocketPair()
        let plain = ByteStream(left, on: loop)
        plain.start(for: near)
        let server = ByteStream(right, on: loop, tls: try makeServer())
        server.start(for: far)
        _ = plain.write(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8).span)
        try loop.run { far.failure != nil }
        #expect(far.failure?.tls == .plainHTTP)
        #expect(server.hasFailedHandshake)
        #expect(server.write(Array("no".utf8).span) == .written)
        try loop.run { near.received.count == 2 }
        #expect(String(decoding: near.received, as: UTF8.self) == "no")
    }

    @Test(arguments: [[0x00], [0x16, 0x03], Array("\u{16}\u{03}\u{01}garbage and no end".utf8), [UInt8](repeating: 0xFF, count: 3000)])
    func `garbage fails or waits, and nothing else`(_ bytes: [UInt8]) throws {
        let (left, right) = makeSocketPair()
        let plain = ByteStream(left, on: loop)
        plain.start(for: near)
        let server = ByteStream(right, on: loop, tls: try makeServer())
        server.start(for: far)
        _ = plain.write(bytes.span)
        plain.shutdownOutput()
        try loop.run { far.failure != nil }
        #expect(far.failure?.tls != nil)
    }

    @Test func `bytes that were read before TLS began are the handshake's first`() throws {
        let (left, right) = makeSocketPair()
        let plain = ByteStream(right, on: loop)
        let server = try makeServer()
        let header = Array("PROXY\r\n".utf8)
        // The other end: a header in clear, then TLS.
        let client = ByteStream(left, on: loop)
        client.start(for: near)
        _ = client.write(header.span)
        client.startTLSAsClient(try makeClient())
        far.onEvent = { [far, unowned plain] in
            guard !plain.isHandshaking, plain.tls == nil, far.received.count > header.count else { return }
            let rest = Array(far.received[header.count...])
            far.received = []
            plain.startTLS(server, leftover: rest.span)
        }
        plain.start(for: far)
        try loop.run { near.isConnected && far.isConnected }
        #expect(client.write(Array("x".utf8).span) == .written)
        try loop.run { far.received == [0x78] }
    }

    // MARK: Certificates by name

    @Test func `the name chooses the certificate, the first is for everyone else`() throws {
        try authority.issue("second", for: ["second.test", "x.wild.test"])
        let second = try TLSCertificate(chain: authority.bytes("second.pem"), key: authority.bytes("second.key"))
        let certificates = [certificate, second]
        let server = try makeServer { $0.certificates = certificates }
        for name in ["site.test", "second.test", "y.wild.test"] {
            let (near, far) = try shakeHands(makeClient(.host(name)), server)
            near.close()
            far.close()
            (self.near.isConnected, self.far.isConnected) = (false, false)
        }
        #expect(try failure(makeClient(.host("unknown.test")), server) == .certificate("hostname mismatch"))
    }

    @Test func `certificates of two kinds of keys for one name go together`() throws {
        try authority.issue("rsa", for: ["site.test"], algorithm: "rsa:2048")
        let rsa = try TLSCertificate(chain: authority.bytes("rsa.pem"), key: authority.bytes("rsa.key"))
        let selections = CertificateSelections([certificate, rsa])
        #expect(selections.ofName["site.test"] == [0, 1])
        #expect(selections.ofName["*.wild.test"] == [0])
        #expect(selections.fallback == [0, 1])
    }

    // MARK: Files

    @Test func `what is wrong with a certificate or key is said`() throws {
        let authority = authority
        func error(_ chain: [UInt8], _ key: [UInt8]) -> TLSSetupError? {
            do throws(TLSSetupError) {
                _ = try TLSCertificate(chain: chain, key: key)
                return nil
            } catch { return error }
        }
        try authority.issue("other", for: ["other.test"])
        try authority.run("cat ca.pem site.leaf > reversed.pem")
        try authority.openssl("pkey -in site.key -aes256 -passout pass:x -out locked.key")
        let (chain, key) = (authority.bytes("site.pem"), authority.bytes("site.key"))
        #expect(error(chain, key) == nil)
        #expect(error(chain, authority.bytes("other.key")) == .keyMismatch(subject: "CN=site"))
        #expect(error(authority.bytes("reversed.pem"), key) == .wrongOrder(leaf: 2))
        #expect(error(chain, authority.bytes("locked.key")) == .encryptedKey)
        #expect(error(key, key) == .noCertificate)
        #expect(error(chain, chain) == .noPrivateKey)
        #expect(error([], []) == .noCertificate)
        let cut = Array(chain.prefix(200)) + Array("\n-----END CERTIFICATE-----\n".utf8)
        guard case .malformedCertificate = error(cut, key) else {
            Issue.record("a certificate that is cut short")
            return
        }
    }

    @Test func `a staple must be about the certificate and good`() throws {
        try authority.run(
            "touch index.txt && openssl ocsp -issuer ca.pem -cert site.leaf -reqout req.der 2>>openssl.log"
                + " && serial=$(openssl x509 -in site.leaf -noout -serial | cut -d= -f2)"
                + " && printf 'V\\t491231235959Z\\t\\t%s\\tunknown\\t/CN=site\\n' $serial > index.txt"
                + " && openssl ocsp -index index.txt -rsigner ca.pem -rkey ca.key -CA ca.pem -reqin req.der -ndays 1"
                + " -respout good.der 2>>openssl.log"
                + " && printf 'R\\t491231235959Z\\t250101000000Z\\t%s\\tunknown\\t/CN=site\\n' $serial > index.txt"
                + " && openssl ocsp -index index.txt -rsigner ca.pem -rkey ca.key -CA ca.pem -reqin req.der -ndays 1"
                + " -respout revoked.der 2>>openssl.log")
        let now = Int64(time(nil))
        try certificate.attach(staple: authority.bytes("good.der"), now: now)
        #expect(certificate.staple?.nextUpdate ?? 0 > now)
        let authority = authority
        let certificate = certificate
        func error(_ file: String, _ now: Int64) -> TLSSetupError? {
            do throws(TLSSetupError) {
                try certificate.attach(staple: authority.bytes(file), now: now)
                return nil
            } catch { return error }
        }
        #expect(error("good.der", now + 3 * 86_400) == .malformedStaple("has expired"))
        #expect(error("revoked.der", now) == .malformedStaple("says that the certificate is revoked"))
        #expect(error("site.pem", now) == .malformedStaple("cannot be read as DER"))
    }
}

/// A clock that tests move.
final class Clock: Sendable {
    let seconds = Mutex<Int64>(1_000)
}

extension ByteStream {
    /// The client's side of TLS behind bytes in clear; only tests begin it on an established connection.
    fileprivate func startTLSAsClient(_ client: TLSClient) {
        let layer = TLSLayer(client, transport: self)
        tlsLayer = layer
        stopReading()
        beginHandshake(layer)
    }
}
