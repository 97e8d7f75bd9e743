import Foundation
import Synchronization

/// A tab of the browser. Everything that it is told to do has a deadline.
final class Page: Sendable {
    private struct State {
        var address = "about:blank"
        var loaded: Set<String> = []
        var navigations = 0
        var console: [String] = []
        var faults: [String] = []
        var expectedFaults: [String] = []
    }

    private let devTools: DevTools
    private let target: JSON
    private let session: String
    private let state = Mutex(State())

    init(_ devTools: DevTools, target: JSON) throws {
        self.devTools = devTools
        self.target = target
        let answer = try devTools.send("Target.attachToTarget", ["targetId": target, "flatten": true])
        session = answer["sessionId"]?.string ?? ""
        devTools.listen(to: session) { [weak self] event, parameters in self?.happened(event, parameters) }
        for domain in ["Page", "Runtime", "Log"] { try send(domain + ".enable") }
        try send("Page.setLifecycleEventsEnabled", ["enabled": true])
    }

    func stopListening() { devTools.stopListening(to: session) }

    /// A command of the debugging protocol for this page.
    @discardableResult
    func send(_ method: String, _ parameters: JSON = [:], within duration: Duration = Deadline.usual) throws -> JSON {
        try devTools.send(method, parameters, session: session, within: duration)
    }

    // MARK: Going somewhere

    /// Returns when the page and all that it needs have loaded (the `load` event).
    func open(_ url: String, within duration: Duration = Deadline.usual) throws {
        let answer = try send("Page.navigate", ["url": .string(url)], within: duration)
        if let text = answer["errorText"]?.string { throw BrowserError.notLoaded(url: url, text) }
        // None within the document.
        guard let loader = answer["loaderId"]?.string else { return }
        try devTools.wait(for: "\(url) to load", within: duration) { state.withLock { $0.loaded.contains(loader) } }
    }

    func reload() throws { try navigate { try send("Page.reload") } }
    func goBack() throws { try go(-1) }
    func goForward() throws { try go(1) }

    /// Where the page is, without asking it.
    var address: String { state.withLock { $0.address } }

    /// As when the user closes the tab.
    func close() throws { try devTools.send("Target.closeTarget", ["targetId": target]) }

    /// As when the user minimises its window, or looks at another tab.
    func hide() throws {
        try setWindow("minimized")
        try waitUntil("document.hidden")
    }

    func show() throws {
        try setWindow("normal")
        try waitUntil("!document.hidden")
    }

    private func setWindow(_ state: JSON) throws {
        let window = try devTools.send("Browser.getWindowForTarget", ["targetId": target])["windowId"] ?? .null
        try devTools.send("Browser.setWindowBounds", ["windowId": window, "bounds": ["windowState": state]])
    }

    private func go(_ steps: Int) throws {
        let history = try send("Page.getNavigationHistory")
        let index = Int(history["currentIndex"]?.number ?? 0) + steps
        let entries = history["entries"]?.elements ?? []
        guard entries.indices.contains(index), let entry = entries[index]["id"] else {
            throw BrowserError.refused(command: "history.go(\(steps))", "there is no such entry")
        }
        try navigate { try send("Page.navigateToHistoryEntry", ["entryId": entry]) }
    }

    private func navigate(_ start: () throws -> Void) throws {
        let before = state.withLock { $0.navigations }
        try start()
        try devTools.wait(for: "the page to change", within: Deadline.usual) { state.withLock { $0.navigations > before } }
        try waitUntil("document.readyState === 'complete'")
    }

    // MARK: Scripts

    /// The value of an expression in the page, which may `await`.
    func evaluate<Value: Decodable>(
        _ expression: String, as type: Value.Type = Value.self, within duration: Duration = Deadline.usual
    ) throws -> Value {
        try value(of: "(async () => (\(expression)\n))()", within: duration).decoded(as: type)
    }

    /// Runs statements in the page, which may `await`, and gives what they `return`.
    func run<Value: Decodable>(
        _ statements: String, as type: Value.Type, within duration: Duration = Deadline.usual
    ) throws -> Value {
        try value(of: "(async () => { \(statements)\n})()", within: duration).decoded(as: type)
    }

    /// Runs statements in the page, which may `await`, to their end.
    func run(_ statements: String, within duration: Duration = Deadline.usual) throws {
        _ = try value(of: "(async () => { \(statements)\n})()", within: duration)
    }

    /// Waits until an expression is true, over navigations too.
    func waitUntil(_ condition: String, within duration: Duration = Deadline.usual) throws {
        let deadline = Deadline.after(duration)
        var last = "false"
        while !deadline.hasPassed {
            do {
                if try evaluate("!!(\(condition))", as: Bool.self, within: duration) { return }
                last = "false"
            } catch {
                // Also while one document follows another.
                last = "\(error)"
            }
            pause(.milliseconds(20))
        }
        throw BrowserError.timedOut(waitingFor: "\(condition) in \(address), at last \(last)")
    }

    /// Runs `script` in every document that is opened from now on, before any script of its own.
    func addScriptOnNewDocument(_ script: String) throws {
        try send("Page.addScriptToEvaluateOnNewDocument", ["source": .string(script)])
    }

    private func value(of expression: String, within duration: Duration) throws -> JSON {
        let parameters: JSON = ["expression": .string(expression), "awaitPromise": true, "returnByValue": true]
        let answer = try send("Runtime.evaluate", parameters, within: duration)
        if let details = answer["exceptionDetails"] { throw BrowserError.exception(Self.text(of: details)) }
        return answer["result"]?["value"] ?? .null
    }

    // MARK: What it said

    /// Everything that scripts wrote to the console, and the browser's own messages, each with its level.
    var console: [String] { state.withLock { $0.console } }

    /// Exceptions that nothing caught, promises whose rejection nothing handled, and violations of the content security policy,
    /// but those that were expected.
    var faults: [String] {
        state.withLock { state in state.faults.filter { fault in !state.expectedFaults.contains { fault.contains($0) } } }
    }

    /// Faults that contain `part` are part of the test.
    func expectFault(containing part: String) { state.withLock { $0.expectedFaults.append(part) } }

    /// Waits for a line of the console that contains `part`.
    func waitForConsole(containing part: String, within duration: Duration = Deadline.usual) throws {
        try devTools.wait(for: "“\(part)” in the console", within: duration) { console.contains { $0.contains(part) } }
    }

    private func happened(_ event: String, _ parameters: JSON) {
        state.withLock { state in
            switch event {
            case "Page.frameNavigated" where parameters["frame"]?["parentId"] == nil:
                state.address = parameters["frame"]?["url"]?.string ?? ""
                state.navigations += 1
            case "Page.lifecycleEvent" where parameters["name"] == "load":
                state.loaded.insert(parameters["loaderId"]?.string ?? "")
            case "Page.backForwardCacheNotUsed":
                let reasons = parameters["notRestoredExplanations"]?.elements.compactMap { $0["reason"]?.string } ?? []
                state.console.append("not from the back/forward cache: " + reasons.joined(separator: ", "))
            case "Runtime.consoleAPICalled":
                let words = parameters["args"]?.elements.map { argument in
                    argument["value"].flatMap { $0.string ?? (try? $0.text) } ?? argument["description"]?.string ?? "undefined"
                }
                state.console.append("\(parameters["type"]?.string ?? ""): \((words ?? []).joined(separator: " "))")
            case "Runtime.exceptionThrown":
                let text = Self.text(of: parameters["exceptionDetails"] ?? .null)
                state.console.append("exception: " + text)
                state.faults.append(text)
            case "Log.entryAdded":
                let entry = parameters["entry"]
                let text = entry?["text"]?.string ?? ""
                state.console.append("\(entry?["level"]?.string ?? ""): \(text) \(entry?["url"]?.string ?? "")")
                if entry?["source"] == "security" { state.faults.append(text) }
            default: break
            }
        }
    }

    private static func text(of details: JSON) -> String {
        details["exception"]?["description"]?.string ?? details["exception"]?["value"].flatMap { try? $0.text } ?? details["text"]?.string ?? ""
    }
}
