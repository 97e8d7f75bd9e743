import Proxy

/// Something to be read on the administration listener, with GET and HEAD.
struct AdminPage {
    typealias Answer = (AdminAnswer) -> Void
    /// Answers when it has what it needs, within the call or later.
    typealias Read = (_ request: AdminRequest, _ answer: @escaping Answer) throws(AdminFault) -> Void

    /// Whether it is there for who does not bring the secret, too: it tells nothing of the gateway.
    var isOpen = false
    var read: Read

    /// - Parameter read: from a request whose query it has to look at itself.
    init(isOpen: Bool = false, _ read: @escaping Read) {
        self.isOpen = isOpen
        self.read = read
    }

    /// One without parameters: a query that comes along is not looked at.
    init(_ read: @escaping (_ answer: @escaping Answer) -> Void) { self.init { _, answer in read(answer) } }

    /// A file that is in the program itself.
    init(file content: @escaping @autoclosure () -> [UInt8], type: StaticString, fields: String) {
        self.init(isOpen: true) { _, answer in answer(AdminAnswer(type: type, fields: fields, content())) }
    }
}

/// What pages are made of. Called on the control thread.
struct AdminSources {
    /// Asks the workers.
    var collectReport: (@escaping (GatewayReport) -> Void) -> Void
    /// Whether new connections are welcome.
    var readiness: () -> Readiness
    /// The store of sessions; nil without one.
    var store: () -> StoreReport?
    var service: () -> ServiceReport
}
