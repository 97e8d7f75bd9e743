import ArgumentParser

/// `slidegate token`
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Mint, inspect and verify tokens.",
        subcommands: [TokenMintCommand.self, TokenInspectCommand.self, TokenVerifyCommand.self])
}
