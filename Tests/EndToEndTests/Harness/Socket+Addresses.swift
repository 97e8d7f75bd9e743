import Glibc

extension Socket {
    /// Connected to a loopback address, from one of 127.0.0.0/8 or from `::1`.
    static func connected(to port: UInt16, from source: String, receiveBuffer: Int32? = nil) throws -> Socket {
        let isIPv6 = source.contains(":")
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, type, 0)
        guard descriptor >= 0 else { throw WireError.system(call: "socket", errno: errno) }
        if var receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
        }
        let isConnected: Bool
        if isIPv6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_addr = in6addr_loopback
            isConnected = call(connect, descriptor, &address)
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            inet_pton(AF_INET, source, &address.sin_addr)
            var on: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, &on, socklen_t(MemoryLayout<Int32>.size))
            let isBound = call(bind, descriptor, &address)
            address.sin_port = port.bigEndian
            inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
            isConnected = isBound && call(connect, descriptor, &address)
        }
        guard isConnected else {
            let failure = errno
            Glibc.close(descriptor)
            throw WireError.system(call: "connect", errno: failure)
        }
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        return Socket(adopting: descriptor)
    }
}

private func call<Address>(
    _ function: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32, _ descriptor: Int32, _ address: inout Address
) -> Bool {
    withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            function(descriptor, $0, socklen_t(MemoryLayout<Address>.size)) == 0
        }
    }
}

extension Gateway {
    /// A client with that address.
    func connect(from source: String, receiveBuffer: Int32? = nil) throws -> Client {
        Client(try Socket.connected(to: port, from: source, receiveBuffer: receiveBuffer), of: self)
    }

    /// The port of a listener on another address, by what the program says of it.
    func port(on address: String) throws -> UInt16 {
        let line = try process.waitForLine(containing: "listening on \(address):")
        guard let port = line.split(separator: ":").last.flatMap({ UInt16($0.prefix(while: \.isNumber)) }) else {
            throw GatewayError.noSuchLine(address, output: line)
        }
        return port
    }
}

let plainGet = "GET / HTTP/1.1\r\nHost: api.example\r\n\r\n"

/// A client that takes its time: part of what it does, not a wait for something.
func pause(_ duration: Duration) { usleep(UInt32(duration.inSeconds * 1_000_000)) }

/// Waits until `isReached` is true.
func eventually(within duration: Duration = Deadline.usual, _ isReached: () throws -> Bool) throws {
    let deadline = Deadline.after(duration)
    while !deadline.hasPassed {
        if (try? isReached()) == true { return }
        pause(.milliseconds(50))
    }
    throw WireError.timedOut(waitingFor: "a condition")
}
