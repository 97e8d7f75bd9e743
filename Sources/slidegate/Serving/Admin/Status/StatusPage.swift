/// The status page: files that are in the program itself and tell nothing, and what they show, `/status.json`.
enum StatusPage {
    /// For everybody: a browser has no way to bring the secret along when it goes to a page. Its script asks for the secret.
    static var files: [String: AdminPage] {
        let html = AdminPage(file: PackageResources.status_html, type: "text/html; charset=utf-8", fields: fields)
        let script: StaticString = "text/javascript; charset=utf-8"
        return [
            "/": html, "/status": html,
            "/status.css": AdminPage(file: PackageResources.status_css, type: "text/css; charset=utf-8", fields: fields),
            "/status.js": AdminPage(file: PackageResources.status_js, type: script, fields: fields),
            "/gateway.js": AdminPage(file: PackageResources.gateway_js, type: script, fields: fields),
            "/history.js": AdminPage(file: PackageResources.history_js, type: script, fields: fields),
            "/show.js": AdminPage(file: PackageResources.show_js, type: script, fields: fields),
            "/sessions.js": AdminPage(file: PackageResources.sessions_js, type: script, fields: fields),
            "/icon.svg": AdminPage(file: PackageResources.icon_svg, type: "image/svg+xml", fields: fields),
        ]
    }

    /// Nothing comes from elsewhere, nothing runs that is written into the page, and no text becomes markup.
    private static let fields =
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'\r\n"
        + "Cross-Origin-Opener-Policy: same-origin\r\nReferrer-Policy: no-referrer\r\n"
}
