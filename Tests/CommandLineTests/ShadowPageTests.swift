import Testing

@testable import slidegate

@Suite("Shares of requests")
struct ShadowPageTests {
    @Test(arguments: [
        (0, 0, "0%"), (0, 10, "0%"), (10, 10, "100%"), (1, 10, "10.0%"), (1, 8, "12.5%"), (1, 1_000, "0.10%"), (3, 1_000, "0.30%"),
        (1, 10_000, "0.01%"), (1, 10_001, "<0.01%"), (9_999, 10_000, "99.9%"), (.max - 1, .max, "99.9%"), (1, .max, "<0.01%"),
    ] as [(Int, Int, String)])
    func `a share says neither nothing nor all where there is something, or less`(_ part: Int, _ whole: Int, _ text: String) {
        let share = ShadowPage.share(part, of: whole)
        #expect(share == text || part > 1 << 40 && share.hasSuffix("%"))
    }
}
