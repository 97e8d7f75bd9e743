/// A set of ASCII characters as 128 bits, so that a membership test is a shift and needs no table in memory.
/// Bytes of 0x80 and above belong to no class.
struct CharacterClass {
    let low: UInt64
    let high: UInt64

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        let half = byte & 0x40 == 0 ? low : high
        return byte < 0x80 && (half &>> UInt64(byte & 0x3F)) & 1 != 0
    }

    /// `tchar` (RFC 9110 §5.6.2): letters, digits and ``!#$%&'*+-.^_`|~``.
    static let token = CharacterClass(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE)

    /// `pchar / "/"` without `%` (RFC 3986 §3.3): letters, digits and `!$&'()*+,-./:;=@_~`.
    static let path = CharacterClass(low: 0x2FFF_FFD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF)

    /// `query` without `%` (RFC 3986 §3.4), that is `path` and `?`, and besides them ``[]^`{|}``, which RFC 3986 wants
    /// encoded but browsers send as they are (WHATWG URL, query percent-encode set). Never `"`, `#`, `<`, `>` or `\`.
    static let query = CharacterClass(low: 0xAFFF_FFD2_0000_0000, high: 0x7FFF_FFFF_EFFF_FFFF)

    /// What a `reg-name` holds here: `unreserved`. RFC 3986 §3.2.2 also has escapes and `sub-delims`; no host that
    /// resolves uses them, and `Host: a,b` reads like two.
    static let registeredName = CharacterClass(low: 0x03FF_6000_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
}
