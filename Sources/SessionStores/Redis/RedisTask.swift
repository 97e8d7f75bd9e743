import EventLoop
import Sessions

/// A request under way. It is answered once: by its outcome, or when its time is over.
final class RedisTask {
    let request: StoreRequest
    /// Moved on by those that take many steps, with each of them.
    var deadline: Instant
    /// How often it has begun anew because others had changed what it had read.
    var attempts = 0
    private var reply: (@Sendable (Result<StoreReply, StoreError>) -> Void)?
    private let onAnswer: () -> Void
    /// Done after the answer: whose turn is next.
    var afterwards: () -> Void = {}

    init(
        _ request: StoreRequest, deadline: Instant, reply: @escaping @Sendable (Result<StoreReply, StoreError>) -> Void,
        onAnswer: @escaping () -> Void
    ) {
        self.request = request
        self.deadline = deadline
        self.reply = reply
        self.onAnswer = onAnswer
    }

    var isOpen: Bool { reply != nil }

    /// Without effect when it has been answered.
    func answer(_ result: Result<StoreReply, StoreError>) {
        guard let reply else { return }
        self.reply = nil
        reply(result)
        onAnswer()
        let afterwards = afterwards
        self.afterwards = {}
        afterwards()
    }
}
