/// What a person does with mouse and keyboard, by events that scripts see as trusted.
extension Page {
    /// Clicks on the middle of the first element that matches, once it is there.
    func click(_ selector: String) throws {
        struct Point: Decodable {
            let x: Double
            let y: Double
            let covering: String?
        }
        let element = "document.querySelector(\(try JSON.string(selector).text))"
        try waitUntil("\(element)?.getClientRects().length")
        let point = try run(
            """
            const element = \(element);
            element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
            const box = element.getBoundingClientRect();
            const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
            const hit = document.elementFromPoint(x, y);
            const covering = hit && (element.contains(hit) || hit.contains(element)) ? null : String(hit?.outerHTML).slice(0, 100);
            return { x, y, covering };
            """, as: Point.self)
        if let covering = point.covering { throw BrowserError.notClickable(selector: selector, "covered by \(covering)") }
        let (x, y) = (JSON.number(point.x), JSON.number(point.y))
        try send("Input.dispatchMouseEvent", ["type": "mouseMoved", "x": x, "y": y])
        for type in ["mousePressed", "mouseReleased"] {
            try send(
                "Input.dispatchMouseEvent",
                ["type": .string(type), "x": x, "y": y, "button": "left", "clickCount": 1])
        }
    }

    /// Replaces the text of a field by `text`, typed.
    func fill(_ selector: String, _ text: String) throws {
        try click(selector)
        try run("document.querySelector(\(try JSON.string(selector).text)).select()")
        try send("Input.insertText", ["text": .string(text)])
    }

    enum Key: String {
        case tab = "Tab"
        case enter = "Enter"
        case space = " "
        case escape = "Escape"
        case left = "ArrowLeft"
        case right = "ArrowRight"
        case up = "ArrowUp"
        case down = "ArrowDown"

        fileprivate var code: String { self == .space ? "Space" : rawValue }
        fileprivate var text: String? { self == .enter ? "\r" : self == .space ? " " : nil }
        fileprivate var virtualKey: JSON {
            switch self {
            case .tab: 9
            case .enter: 13
            case .space: 32
            case .escape: 27
            case .left: 37
            case .up: 38
            case .right: 39
            case .down: 40
            }
        }
    }

    /// Presses and releases a key, for the element that has the focus.
    func press(_ key: Key) throws {
        var event: [String: JSON] = [
            "key": .string(key.rawValue), "code": .string(key.code), "windowsVirtualKeyCode": key.virtualKey,
        ]
        if let text = key.text { event["text"] = .string(text) }
        for type in [key.text == nil ? "rawKeyDown" : "keyDown", "keyUp"] {
            event["type"] = .string(type)
            try send("Input.dispatchKeyEvent", .object(event))
        }
    }

    /// What a person reads in the first element that matches; nil where there is none.
    func text(of selector: String) throws -> String? {
        try evaluate("document.querySelector(\(try JSON.string(selector).text))?.innerText ?? null", as: String?.self)
    }
}
