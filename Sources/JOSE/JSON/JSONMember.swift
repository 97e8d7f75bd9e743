/// Where one member of a JSON object stands in its text.
package struct JSONMember: Sendable {
    package enum Kind: UInt8, Sendable { case string, number, boolean, null, array, object }

    /// The first eight bytes of the unescaped name, the first one lowest, zeros behind a shorter name. Together with
    /// `nameLength` it is the whole name of most members, so that most comparisons are two machine words.
    let namePrefix: UInt64
    /// Of the unescaped name.
    let nameLength: UInt32
    /// Between the quotes.
    let nameStart: UInt32
    let nameEnd: UInt32
    /// The whole value as it is written; the quotes of a string counted.
    let valueStart: UInt32
    let valueEnd: UInt32
    package let kind: Kind
    let isNameEscaped: Bool
    /// A string with at least one escape.
    let isValueEscaped: Bool

    package var name: Range<Int> { Int(nameStart)..<Int(nameEnd) }
    package var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
}
