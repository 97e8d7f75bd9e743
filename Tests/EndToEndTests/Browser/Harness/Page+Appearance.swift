import Foundation

/// How the page is shown, and pictures of that.
extension Page {
    /// The size of the view, in CSS pixels.
    /// - Parameter scale: device pixels for each; phones have 2 and more.
    func resize(width: Int, height: Int, scale: Int = 1, isPhone: Bool = false) throws {
        try send(
            "Emulation.setDeviceMetricsOverride",
            [
                "width": .number(Double(width)), "height": .number(Double(height)), "deviceScaleFactor": .number(Double(scale)),
                "mobile": .bool(isPhone),
            ])
    }

    /// Values of media features, as `["prefers-color-scheme": "dark", "prefers-reduced-motion": "reduce"]`.
    func emulateMedia(_ features: [String: String]) throws {
        let list = features.map { JSON.object(["name": .string($0.key), "value": .string($0.value)]) }
        try send("Emulation.setEmulatedMedia", ["features": .array(list)])
    }

    /// Writes a PNG to the test output, `.build/test-output`, and returns its path.
    /// - Parameter isWhole: the whole document rather than what is in view.
    @discardableResult
    func screenshot(to name: String, isWhole: Bool = false) throws -> String {
        let answer = try send("Page.captureScreenshot", ["format": "png", "captureBeyondViewport": .bool(isWhole)])
        guard let data = answer["data"]?.string.flatMap({ Data(base64Encoded: $0) }) else {
            throw BrowserError.refused(command: "Page.captureScreenshot", "no picture")
        }
        let folder = try testOutputFolder()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appendingPathComponent(name)
        try data.write(to: file)
        return file.path
    }
}

/// Where tests leave what people may want to look at: `test-output` in the build folder.
func testOutputFolder() throws -> URL {
    var folder = URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    while folder.lastPathComponent != ".build", folder.path != "/" { folder.deleteLastPathComponent() }
    if folder.path == "/" { folder = FileManager.default.temporaryDirectory }
    return folder.appendingPathComponent("test-output")
}
