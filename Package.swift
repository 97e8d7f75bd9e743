// swift-tools-version: 6.2
import PackageDescription

/// What every target of ours is compiled with: a warning is an error, and nothing is imported by accident.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// For targets that decide and never touch the system: each use of raw memory must be spelled `unsafe`, and only
/// `Bytes` has any.
let pure: [SwiftSetting] = strict + [.strictMemorySafety()]

/// For targets on the request path: the overlap of accesses to one variable is proven by the compiler or checked at run
/// time in debug builds, which all tests run on; release builds leave the run-time check out, a fifth of the
/// instructions that a request costs. Bounds and arithmetic stay checked everywhere.
let lean: [SwiftSetting] = [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

let package = Package(
    name: "slidegate",
    products: [.executable(name: "slidegate", targets: ["slidegate"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        .systemLibrary(
            name: "CLibevent", path: "Sources/CLibevent", pkgConfig: "libevent_core",
            providers: [.apt(["libevent-dev"])]),
        .systemLibrary(
            name: "COpenSSL", path: "Sources/COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CHiredis", path: "Sources/CHiredis", pkgConfig: "hiredis", providers: [.apt(["libhiredis-dev"])]),

        .target(name: "Bytes", swiftSettings: pure),
        .target(name: "HTTP1", dependencies: ["Bytes"], swiftSettings: pure + lean),
        .target(name: "JOSE", dependencies: ["Bytes"], swiftSettings: pure + lean),
        .target(name: "WebSocket", dependencies: ["Bytes"], swiftSettings: pure + lean),
        .target(name: "Metrics", dependencies: ["Bytes"], swiftSettings: pure),
        .target(name: "ProxyProtocol", dependencies: ["Bytes"], swiftSettings: pure + lean),
        .target(name: "Balancing", swiftSettings: pure + lean),
        .target(name: "Throttling", dependencies: ["Bytes", "ProxyProtocol"], swiftSettings: pure + lean),
        .target(name: "Sessions", dependencies: ["Bytes", "JOSE"], swiftSettings: pure + lean),
        .target(name: "Authentication", dependencies: ["Bytes", "HTTP1", "JOSE", "Sessions"], swiftSettings: pure + lean),

        .target(
            name: "BrowserModule", dependencies: ["Authentication", "JOSE"],
            exclude: ["slidegate.js", "presets.js", "presets.d.ts", "package.json", "README.md"],
            resources: [.embedInCode("slidegate.min.js"), .embedInCode("slidegate.d.ts")], swiftSettings: pure),

        .target(name: "EventLoop", dependencies: ["Bytes", "CLibevent", "COpenSSL"], swiftSettings: strict + lean),
        .target(name: "Signatures", dependencies: ["Bytes", "JOSE", "COpenSSL"], swiftSettings: strict),
        .target(
            name: "SessionStores",
            dependencies: [
                "Bytes", "Sessions", "JOSE", "EventLoop", "CHiredis", "CLibevent", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .target(
            name: "Configuration", dependencies: ["ProxyProtocol", .product(name: "Yams", package: "Yams")], swiftSettings: strict),
        .target(
            name: "Proxy",
            dependencies: [
                "Bytes", "HTTP1", "EventLoop", "Authentication", "JOSE", "Metrics", "ProxyProtocol", "Throttling", "WebSocket",
                "Balancing", "Sessions",
            ],
            swiftSettings: strict + lean),
        .executableTarget(
            name: "slidegate",
            dependencies: [
                "Bytes", "HTTP1", "JOSE", "Signatures", "Authentication", "Configuration", "EventLoop", "Metrics", "Proxy",
                "ProxyProtocol", "Throttling", "Balancing", "Sessions", "SessionStores", "BrowserModule",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            resources: ["index.html", "demo.css", "demo.js", "timeline.js", "icon.svg"].map { .embedInCode("Serving/Demo/page/\($0)") }
                + ["status.html", "status.css", "status.js", "gateway.js", "history.js", "show.js", "sessions.js"].map { .embedInCode("Serving/Admin/Status/page/\($0)") },
            swiftSettings: strict),

        .testTarget(name: "WebSocketTests", dependencies: ["WebSocket", "Bytes"], swiftSettings: strict),
        .testTarget(name: "BytesTests", dependencies: ["Bytes"], swiftSettings: strict),
        .testTarget(name: "MetricsTests", dependencies: ["Metrics", "Authentication", "Bytes"], swiftSettings: strict),
        .testTarget(
            name: "HTTP1Tests", dependencies: ["HTTP1", "Bytes"], resources: [.copy("Wire")], swiftSettings: strict),
        .testTarget(
            name: "AuthenticationTests", dependencies: ["Authentication", "Bytes", "HTTP1", "JOSE", "Sessions", "SessionStores"],
            swiftSettings: strict),
        .testTarget(
            name: "CommandLineTests",
            dependencies: ["slidegate", "Authentication", "Configuration", "JOSE", "Sessions", "SessionStores"],
            swiftSettings: strict),
        .testTarget(
            name: "BrowserModuleTests", dependencies: ["BrowserModule", "Authentication", "JOSE"], swiftSettings: strict),
        .testTarget(name: "ConfigurationTests", dependencies: ["Configuration"], swiftSettings: strict),
        .testTarget(name: "JOSETests", dependencies: ["JOSE", "Bytes"], swiftSettings: strict),
        .testTarget(name: "SignaturesTests", dependencies: ["Signatures", "JOSE", "Bytes"], swiftSettings: strict),
        .testTarget(
            name: "InteroperationTests",
            dependencies: ["Signatures", "JOSE", "Bytes", .product(name: "JWTKit", package: "jwt-kit")],
            swiftSettings: strict),
        .testTarget(name: "ProxyTests", dependencies: ["Proxy", "Bytes", "EventLoop", "HTTP1"], swiftSettings: strict),
        .testTarget(name: "ProxyProtocolTests", dependencies: ["ProxyProtocol", "Bytes"], swiftSettings: strict),
        .testTarget(name: "BalancingTests", dependencies: ["Balancing"], swiftSettings: strict),
        .testTarget(
            name: "ThrottlingTests", dependencies: ["Throttling", "ProxyProtocol", "Bytes"], swiftSettings: strict),
        .testTarget(name: "SessionsTests", dependencies: ["Sessions", "Bytes", "JOSE"], swiftSettings: strict),
        .testTarget(
            name: "SessionStoresTests", dependencies: ["SessionStores", "Sessions", "EventLoop", "JOSE", "Bytes"],
            swiftSettings: strict),
        .testTarget(name: "EventLoopTests", dependencies: ["EventLoop", "Bytes"], swiftSettings: strict),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "Authentication", "Bytes", "Configuration", "HTTP1", "JOSE", "ProxyProtocol", "Sessions", "Signatures", "WebSocket",
            ],
            path: "Tests/FuzzTargets", swiftSettings: strict),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets"], exclude: ["Regressions"], swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests", dependencies: ["COpenSSL"],
            resources: [.copy("WebSocket/Python"), .copy("TLS/Peers"), .copy("BrowserModule/Node")], swiftSettings: strict),
    ]
)

// The fuzzer links only with libFuzzer, which `deploy/fuzz` compiles everything for.
if Context.environment["SLIDEGATE_FUZZ"] != nil {
    package.targets += [
        .systemLibrary(name: "CLibFuzzer", path: "Tests/CLibFuzzer"),
        .executableTarget(name: "Fuzzer", dependencies: ["FuzzTargets", "CLibFuzzer"], path: "Tests/Fuzzer", swiftSettings: strict),
    ]
}
