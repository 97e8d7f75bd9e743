/// What a token may cost before it is believed. Every limit is checked before the work it bounds.
package struct TokenLimits: Sendable, Equatable {
    /// Of the compact form. Tokens ride in one header field, and servers commonly end such a field at 8 KiB.
    package var tokenBytesMax: Int
    /// Objects and arrays inside one another, the outermost one counted. Claims in use nest three or four deep.
    package var nestingMax: Int
    /// Members of one object. Comparing names costs their square.
    package var membersMax: Int

    package init(tokenBytesMax: Int = 8 << 10, nestingMax: Int = 8, membersMax: Int = 128) {
        self.tokenBytesMax = tokenBytesMax
        self.nestingMax = nestingMax
        self.membersMax = membersMax
    }
}
