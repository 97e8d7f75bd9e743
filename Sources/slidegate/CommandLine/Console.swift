import ArgumentParser
import Configuration
import EventLoop
import Glibc
import Proxy

/// Standard output for answers, standard error for everything else.
enum Console {
    static func write(_ text: String) { put(text + "\n", to: STDOUT_FILENO) }

    /// One line, begun with the program's name, as other programs do.
    static func complain(_ text: String) { put("slidegate: \(text)\n", to: STDERR_FILENO) }

    /// Whole or not at all from the caller's view: a reader that has gone is no error worth a word.
    private static func put(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var offset = 0
            while offset < bytes.count {
                let count = Glibc.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
                if count > 0 {
                    offset += count
                } else if errno != EINTR {
                    return
                }
            }
        }
    }
}

/// A command that cannot go on: what to say, and how to exit.
struct CommandFailure: Error {
    /// One line each on standard error.
    var lines: [String]
    var status: Int32

    init(_ line: String, status: Int32) {
        lines = [line]
        self.status = status
    }

    init(lines: [String], status: Int32) {
        self.lines = lines
        self.status = status
    }
}

extension ParsableCommand {
    /// Runs the body of a command; a failure is printed and becomes the exit code.
    func reporting(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let exit as ExitCode {
            throw exit
        } catch let usage as ValidationError {
            throw usage
        } catch {
            for line in describe(error) { Console.complain(line) }
            throw ExitCode(exitStatus(of: error))
        }
    }
}

/// What an error says, a line for each thing that is wrong.
func describe(_ error: any Error) -> [String] {
    switch error {
    case let failure as CommandFailure: failure.lines
    case let refusal as ConfigurationFileError: refusal.lines
    case let refusal as ConfigurationRefusal: refusal.diagnostics.map { $0.line(file: refusal.file) }
    case let error as FileError: ["\(error)"]
    case GatewayError.cannotListen(let error): ["cannot listen: \(error)"]
    case GatewayError.cannotStart(let reason): ["cannot start: \(reason)"]
    default: ["\(error)"]
    }
}

func exitStatus(of error: any Error) -> Int32 {
    switch error {
    case let failure as CommandFailure: failure.status
    case let refusal as ConfigurationFileError: refusal.status
    case is ConfigurationRefusal: ExitStatus.configuration
    case let error as FileError: error.status
    case is GatewayError, is SocketError, is EventLoopError: ExitStatus.systemError
    default: ExitStatus.software
    }
}
