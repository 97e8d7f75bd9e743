import EventLoop

/// What happens to a link, told to the store that it belongs to.
protocol RedisLinkHandler: AnyObject {
    /// The connection may be used from now on; earlier ones can change nothing any more.
    func linkReady(_ connection: RedisConnection)
    /// There is none; the next try follows later.
    func linkFailed(_ reason: String)
    /// It is gone: a search for a new one has begun.
    func linkLost(_ reason: String)
}

/// Keeps one connection to the server ready: finds it, connects, says who it is, selects the database, and begins again, with longer
/// and longer rests, when any of that fails.
final class RedisLink {
    private enum State {
        /// Until the timer fires.
        case resting
        case locating
        case connecting(RedisConnection, next: ArraySlice<SocketAddress>)
        case ready(RedisConnection)
        case closed
    }

    /// Rests between two tries, in milliseconds: doubled each time, and shortened by chance by up to a half, so that the
    /// gateways that have lost one server do not come back at the same instant.
    private static let shortestRest: Int64 = 50
    private static let longestRest: Int64 = 2_000
    /// How often the Sentinels are asked whether the master is still the one.
    private static let watchInterval: Int64 = 1_000

    private let context: RedisContext
    private let locator: RedisLocator
    private unowned let handler: any RedisLinkHandler
    private let greeting: () -> [RedisCommand]
    private let greeted: ([RedisValue?]) -> Void
    private var timer: LoopTimer?
    private var state = State.resting
    private var rest = RedisLink.shortestRest
    /// Whether the connection has been good for something: one that is lost before is no reason to hurry.
    private var isProven = false

    /// - Parameters:
    ///   - greeting: what a connection begins with, after it has said who it is; unless the server only takes no changes for now, all of it has to succeed.
    ///   - greeted: gets the replies to that; nil where there is none.
    init(
        _ context: RedisContext, for handler: any RedisLinkHandler, greeting: @escaping () -> [RedisCommand],
        greeted: @escaping ([RedisValue?]) -> Void
    ) throws(EventLoopError) {
        self.context = context
        self.handler = handler
        self.greeting = greeting
        self.greeted = greeted
        locator = RedisLocator(context)
        timer = try LoopTimer(on: context.loop) { [unowned self] in timerFired() }
    }

    var connection: RedisConnection? { if case .ready(let connection) = state { connection } else { nil } }

    func open() { locate() }

    /// The connection does what it is for.
    func prove() {
        isProven = true
        rest = Self.shortestRest
    }

    func close() {
        switch state {
        case .connecting(let connection, _), .ready(let connection): connection.close()
        case .resting, .locating, .closed: break
        }
        state = .closed
        timer?.cancel()
        locator.cancel()
    }

    private var followsSentinels: Bool { if case .sentinels = context.settings.place { true } else { false } }

    private func locate() {
        state = .locating
        locator.locate { [unowned self] result in
            guard case .locating = state else { return }
            switch result {
            case .success(let addresses): connect(to: addresses[...], after: "the name has no address")
            case .failure(let fault): failed(fault.reason)
            }
        }
    }

    /// Tries one address after another.
    private func connect(to addresses: ArraySlice<SocketAddress>, after reason: String) {
        guard let address = addresses.first else { return failed(reason) }
        do throws(RedisFault) {
            let connection = try RedisConnection(to: address, context) { [unowned self] in lost($0) }
            state = .connecting(connection, next: addresses.dropFirst())
            greet(connection)
        } catch {
            connect(to: addresses.dropFirst(), after: error.reason)
        }
    }

    private func greet(_ connection: RedisConnection) {
        let settings = context.settings
        var commands = settings.credentials.commands
        if settings.database != 0 { commands.append(RedisCommand("SELECT", String(settings.database))) }
        let role = commands.count
        if followsSentinels { commands.append(RedisCommand("ROLE")) }
        let own = commands.count
        commands += greeting()
        connection.send(commands) { [unowned self] results in
            guard case .connecting(let current, _) = state, current === connection else { return }
            for case .failure(let fault) in results where !Self.isTolerable(fault) { return connection.lose(fault.reason) }
            // What a Sentinel says may be old.
            if followsSentinels, (try? results[role].get())?.elements?.first?.string != "master" {
                return connection.lose(RedisRefusal.readOnly.reason)
            }
            greeted(results[own...].map { try? $0.get() })
            state = .ready(connection)
            isProven = false
            if followsSentinels { timer?.schedule(afterMilliseconds: Self.watchInterval) }
            handler.linkReady(connection)
        }
    }

    /// A server that takes no changes for now can still be read: what is revoked stays known.
    private static func isTolerable(_ fault: RedisFault) -> Bool {
        switch fault {
        case .refused(.outOfMemory), .refused(.cannotPersist), .refused(.noReplicas): true
        case .refused, .lost: false
        }
    }

    private func lost(_ reason: String) {
        switch state {
        case .connecting(_, let next): connect(to: next, after: reason)
        case .ready:
            timer?.cancel()
            locator.cancel()
            state = .resting
            handler.linkLost(reason)
            guard case .resting = state else { return }
            isProven ? locate() : failed(reason)
        case .resting, .locating, .closed: break
        }
    }

    private func failed(_ reason: String) {
        state = .resting
        timer?.schedule(afterMilliseconds: Int64.random(in: rest / 2...rest))
        rest = min(rest * 2, Self.longestRest)
        handler.linkFailed(reason)
    }

    private func timerFired() {
        switch state {
        case .resting: locate()
        case .ready(let connection): watch(connection)
        case .locating, .connecting, .closed: break
        }
    }

    /// An old master that has been cut off from the rest takes changes, which are lost: Sentinels know better.
    private func watch(_ connection: RedisConnection) {
        timer?.schedule(afterMilliseconds: Self.watchInterval)
        locator.locate { [unowned self] result in
            guard case .ready(let current) = state, current === connection, case .success(let addresses) = result,
                !addresses.contains(connection.address)
            else { return }
            connection.lose("Sentinel names another master")
        }
    }
}
