/// The demo's page, as files that are in the program itself.
struct DemoPage {
    private let files: [String: SampleAnswer]

    init(_ times: DemoTimes) {
        let javaScript = "text/javascript; charset=utf-8"
        let files: [(String, String, [UInt8])] = [
            ("/", "text/html; charset=utf-8", PackageResources.index_html),
            ("/demo.css", "text/css; charset=utf-8", PackageResources.demo_css),
            ("/demo.js", javaScript, PackageResources.demo_js), ("/timeline.js", javaScript, PackageResources.timeline_js),
            ("/icon.svg", "image/svg+xml", PackageResources.icon_svg), ("/demo.json", "application/json", Array(times.json.utf8)),
        ]
        self.files = Dictionary(
            uniqueKeysWithValues: files.map { path, mediaType, content in
                (path, SampleAnswer(fields: Self.fields, mediaType: mediaType, content: content))
            })
    }

    func file(at path: String) -> SampleAnswer? { files[path] }

    /// Nothing comes from elsewhere, and nothing runs that is written into the page.
    private static let fields =
        "Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'\r\n"
        + "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-cache\r\n"
}

/// The demo's times in seconds: short, so that one can watch.
struct DemoTimes {
    /// Of an access token.
    var lifetime = 12
    /// A token is renewed when no more than this is left of it.
    var buffer = 6
    /// Of a session.
    var cap = 180

    /// For the page.
    var json: String { "{\"lifetime\":\(lifetime),\"buffer\":\(buffer),\"cap\":\(cap)}\n" }
}
