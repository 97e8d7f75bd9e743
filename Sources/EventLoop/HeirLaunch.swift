import CLibevent
import Glibc

/// What a descriptor that is no listening socket is called when it is passed on: the new process's end of a `MessagePipe`, over
/// which it says that it serves.
package let predecessorDescriptorName = "slidegate-predecessor"

/// Starts a program that goes on with listening sockets of this one, by the socket-activation convention (sd_listen_fds(3)):
/// descriptors from 3 on, told of in `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`. Nothing else is inherited but 0 to 2.
///
/// - Parameters:
///   - environment: `NAME=value`, without the variables of the convention.
///   - pipe: passed on too, as `predecessorDescriptorName`.
/// - Returns: the new process's id. It is a child of this one, and has to be waited for.
/// - Throws: why it could not be started, as that there is no program at `path`.
package func launchHeir(
    _ path: String, arguments: [String], environment: [String], sockets: [ListeningSocket], pipe: CInt
) throws(SocketError) -> CInt {
    // Out of the way of those that they become.
    let lowest = CInt(3 + sockets.count + 1)
    var descriptors: [CInt] = []
    defer { for descriptor in descriptors { close(descriptor) } }
    for descriptor in sockets.map(\.descriptor) + [pipe] {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, lowest)
        guard copy >= 0 else { throw SocketError("fcntl", errno) }
        descriptors.append(copy)
    }
    let names = (sockets.map(\.name) + [predecessorDescriptorName]).joined(separator: ":")
    let listenPIDPrefix = "LISTEN_PID="
    let variables =
        environment + ["LISTEN_FDS=\(descriptors.count)", "LISTEN_FDNAMES=\(names)"]
        + [listenPIDPrefix + String(repeating: "0", count: 12)]
    let argumentPointers = arguments.map { strdup($0) } + [nil]
    let variablePointers = variables.map { strdup($0) } + [nil]
    defer { for pointer in argumentPointers + variablePointers { free(pointer) } }

    let listenPID = variablePointers[variables.count - 1]! + listenPIDPrefix.utf8.count
    let child = shim_spawn(path, argumentPointers, variablePointers, listenPID, descriptors, CInt(descriptors.count))
    guard child > 0 else { throw SocketError("exec \(path)", -child) }
    return child
}
