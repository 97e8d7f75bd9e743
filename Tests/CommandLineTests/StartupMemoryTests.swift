import Testing

@testable import slidegate

@Suite("Memory that starting has used (proc(5))")
struct StartupMemoryTests {
    private func mapping(_ head: String, anonymous: Int = 0, swap: Int = 0) -> String {
        """
        \(head)
        Size:               1368 kB
        Rss:                1240 kB
        Anonymous:         \(anonymous) kB
        Swap:              \(swap) kB
        THPeligible:    0
        VmFlags: rd ex mr mw me

        """
    }

    private func given(back smaps: String) -> [Range<UInt>] { StartupMemory.unchangedFileMappings(Array(smaps.utf8)) }

    @Test(arguments: [
        "7f0000001000-7f0000003000 r-xp 00026000 fe:00 1234                       /usr/lib/x86_64-linux-gnu/libc.so.6",
        "7f0000001000-7f0000003000 r--p 00000000 fe:00 1234                       /opt/a folder/slidegate",
        "7f0000001000-7f0000003000 r-xp 00026000 fe:00 1234                       /usr/bin/slidegate (deleted)",
    ])
    func `text of files, and what is only read in them, is given back`(_ head: String) {
        #expect(given(back: mapping(head)) == [0x7F00_0000_1000..<0x7F00_0000_3000])
    }

    @Test(arguments: [
        "7f0000001000-7f0000003000 rw-p 00000000 fe:00 1234                       /usr/bin/slidegate",
        "7f0000001000-7f0000003000 rw-p 00000000 00:00 0 ",
        "7f0000001000-7f0000003000 r--p 00000000 00:00 0 ",
        "7f0000001000-7f0000003000 rw-p 00000000 00:00 0                          [heap]",
        "7f0000001000-7f0000003000 r-xp 00000000 00:00 0                          [vdso]",
        "7f0000001000-7f0000003000 ---p 00000000 fe:00 1234                       /usr/bin/slidegate",
    ])
    func `what can be written to, or comes from no file, stays`(_ head: String) {
        #expect(given(back: mapping(head)) == [])
    }

    @Test func `what has been written to and made read-only since stays, in memory and on disk`() {
        let head = "7f0000001000-7f0000003000 r--p 00000000 fe:00 1234                       /usr/bin/slidegate"
        #expect(given(back: mapping(head, anonymous: 4)) == [])
        #expect(given(back: mapping(head, swap: 4)) == [])
    }

    @Test func `each mapping is judged by its own lines`() {
        let text = "1000-2000 r-xp 00000000 fe:00 1 /bin/a"
        let data = "2000-3000 r--p 00000000 fe:00 1 /bin/a"
        let next = "3000-4000 r-xp 00000000 fe:00 1 /bin/b"
        #expect(given(back: mapping(text) + mapping(data, anonymous: 8) + mapping(next)) == [0x1000..<0x2000, 0x3000..<0x4000])
    }

    @Test func `giving back changes nothing that can be seen`() {
        let before = (1...1000).map { "\($0 * $0)" }
        StartupMemory.giveBack()
        #expect((1...1000).map { "\($0 * $0)" } == before)
    }
}
