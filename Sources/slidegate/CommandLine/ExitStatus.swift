/// What the process says to scripts when it ends: sysexits(3), and 1 for "no".
enum ExitStatus {
    static let success: Int32 = 0
    /// The question was answered with no: the token does not verify, there is no such session, the request is refused.
    static let negative: Int32 = 1
    /// The command line makes no sense (ArgumentParser uses the same).
    static let usage: Int32 = 64
    /// Input was read and is not what it should be: no token, no key, no JSON.
    static let dataError: Int32 = 65
    /// A file to read is not there or cannot be read.
    static let noInput: Int32 = 66
    /// Something that ought to work did not, such as a signature.
    static let software: Int32 = 70
    /// The system refused: no more descriptors, the address is in use, the store of sessions cannot be used.
    static let systemError: Int32 = 71
    /// A file to write is there already or cannot be made.
    static let cannotCreate: Int32 = 73
    /// The configuration has errors, each of them printed.
    static let configuration: Int32 = 78
    /// Ended by a second signal while draining: 128 and SIGINT, as shells say it.
    static let interrupted: Int32 = 130

    /// For `--help`.
    static let discussion = """
        EXIT CODES
          0   yes, done
          1   no: the token does not verify, there is no such session, the request is refused
          64  the command line is wrong
          65  the input is no token, no key or no JSON
          66  a file cannot be read
          70  an internal error
          71  the system refused, such as an address in use; or the store of sessions cannot be used
          73  a file cannot be written, or is there already
          78  the configuration has errors
        """
}
