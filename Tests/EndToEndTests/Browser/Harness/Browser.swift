import Synchronization
import Testing

/// Parent of all suites that need Chromium: one after the other, as they share two cores with its processes.
@Suite("In Chromium", .serialized) struct InChromium {}

/// Runs `body` with a browser that nobody has used, and closes it.
///
/// An exception in a page that nothing there caught, and a violation of its content security policy, fail the test, unless
/// `Page.expectFault` was told of it. When `body` throws, what the pages wrote to their consoles goes with it.
func inBrowser(sourceLocation: SourceLocation = #_sourceLocation, _ body: (Browser) throws -> Void) throws {
    let browser = try Browser(of: .shared())
    defer { browser.close() }
    do {
        try body(browser)
    } catch {
        for page in browser.pages {
            let lines = page.console.joined(separator: "\n")
            Issue.record("\(page.address) said:\n\(lines)", sourceLocation: sourceLocation)
        }
        throw error
    }
    for page in browser.pages {
        for fault in page.faults { Issue.record("\(page.address): \(fault)", sourceLocation: sourceLocation) }
    }
}

/// A browser context: cookies, storage and cache of its own, and any number of pages.
final class Browser: Sendable {
    private let chromium: Chromium
    private let identifier: JSON
    private let opened = Mutex<[Page]>([])

    fileprivate init(of chromium: Chromium) throws {
        self.chromium = chromium
        let answer = try chromium.devTools.send("Target.createBrowserContext", ["disposeOnDetach": true])
        identifier = answer["browserContextId"] ?? .null
    }

    fileprivate func close() {
        for page in pages { page.stopListening() }
        _ = try? chromium.devTools.send("Target.disposeBrowserContext", ["browserContextId": identifier])
    }

    /// In order of their opening, closed ones too.
    var pages: [Page] { opened.withLock { $0 } }

    /// A tab in a window of its own, so that it is visible whatever others there are.
    func newPage() throws -> Page {
        let target = try chromium.devTools.send(
            "Target.createTarget", ["url": "about:blank", "browserContextId": identifier, "newWindow": true])
        let page = try Page(chromium.devTools, target: target["targetId"] ?? .null)
        opened.withLock { $0.append(page) }
        return page
    }

    /// As `newPage()`, with the page loaded.
    func open(_ url: String) throws -> Page {
        let page = try newPage()
        try page.open(url)
        return page
    }
}
