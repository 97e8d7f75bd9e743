import Foundation
import Glibc
import Synchronization

/// A network between a store and its server, which can be made to fail: it takes connections on a port of its own and passes bytes on.
final class Relay: Sendable {
    let port: UInt16
    private let listener: Int32
    private let server: UInt16
    private let changed = NSCondition()
    private let state = Mutex(State())

    private struct State {
        /// Nothing passes, in no direction, on any connection.
        var isBlocked = false
        var delayMicroseconds: UInt32 = 0
        /// Connections up to this one pass nothing.
        var heldUpTo = 0
        /// Connections up to this one get no replies any more.
        var mutedUpTo = 0
        var interception: (word: String, Interception)?
        var count = 0
        var isOver = false
    }

    /// What becomes of a connection on which a command of interest comes, and of those that there are beside it. Later ones are
    /// not concerned.
    enum Interception {
        /// The command is kept, and all that follows, until `releaseHeld`.
        case keepCommand
        /// The command is passed on, and its reply gets lost.
        case loseReply
    }

    init(to server: UInt16) throws {
        self.server = server
        listener = try RedisServer.listeningSocket()
        port = RedisServer.port(of: listener)
        Thread.detachNewThread { [listener, weak self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { break }
                guard let self else {
                    Glibc.close(client)
                    break
                }
                self.take(client)
            }
            Glibc.close(listener)
        }
    }

    deinit {
        change { $0.isOver = true }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    /// Like a broken cable: nobody is told anything.
    func block() { change { $0.isBlocked = true } }
    /// All that was kept goes on.
    func unblock() { change { $0.isBlocked = false } }
    func delay(milliseconds: UInt32) { change { $0.delayMicroseconds = milliseconds * 1000 } }
    /// Waits for a command with that word, once.
    func intercept(_ word: String, _ interception: Interception) { change { $0.interception = (word, interception) } }
    func releaseHeld() { change { $0.heldUpTo = 0 } }

    private func change(_ body: (inout State) -> Void) {
        state.withLock { body(&$0) }
        changed.lock()
        changed.broadcast()
        changed.unlock()
    }

    private func take(_ client: Int32) {
        guard let upstream = try? RedisServer.connect(to: server, timeout: 0) else {
            Glibc.close(client)
            return
        }
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        let isHalf = Mutex(false)
        for (from, to) in [(client, upstream), (upstream, client)] {
            Thread.detachNewThread { [weak self] in
                var buffer = [UInt8](repeating: 0, count: 65_536)
                while true {
                    let count = recv(from, &buffer, buffer.count, 0)
                    guard count > 0, let self else { break }
                    if from == client { self.look(at: buffer[..<count]) }
                    guard self.waitToPass(number) else { break }
                    if from == upstream, self.state.withLock({ number <= $0.mutedUpTo }) { continue }
                    var sent = 0
                    while sent < count {
                        let part = buffer[sent..<count].withUnsafeBytes { send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                        guard part > 0 else { break }
                        sent += part
                    }
                    // The other side may be gone: what comes is still passed on.
                }
                _ = self?.waitToPass(number)
                shutdown(to, Int32(SHUT_WR))
                let isSecond = isHalf.withLock { isHalf in
                    defer { isHalf = true }
                    return isHalf
                }
                if isSecond {
                    Glibc.close(client)
                    Glibc.close(upstream)
                }
            }
        }
    }

    private func look(at bytes: ArraySlice<UInt8>) {
        state.withLock { state in
            guard let (word, interception) = state.interception, bytes.firstRange(of: Array(word.utf8)) != nil else { return }
            state.interception = nil
            switch interception {
            case .keepCommand: state.heldUpTo = state.count
            case .loseReply: state.mutedUpTo = state.count
            }
        }
    }

    /// False when the network is over.
    private func waitToPass(_ number: Int) -> Bool {
        let delay = state.withLock { $0.delayMicroseconds }
        if delay > 0 { usleep(delay) }
        changed.lock()
        defer { changed.unlock() }
        while true {
            let state = state.withLock { $0 }
            if state.isOver { return false }
            if !state.isBlocked, number > state.heldUpTo { return true }
            changed.wait()
        }
    }
}

/// Something that is no Redis: says its piece to whoever connects, and closes or keeps quiet.
final class FakeServer: Sendable {
    let port: UInt16
    private let listener: Int32

    /// - Parameter speech: called for each connection, on a thread of its own, after something has been received.
    init(_ speech: @escaping @Sendable (Int32) -> Void) throws {
        listener = try RedisServer.listeningSocket()
        port = RedisServer.port(of: listener)
        Thread.detachNewThread { [listener] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { break }
                Thread.detachNewThread {
                    var buffer = [UInt8](repeating: 0, count: 65_536)
                    _ = recv(client, &buffer, buffer.count, 0)
                    speech(client)
                    Glibc.close(client)
                }
            }
            Glibc.close(listener)
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }
}
