// swift-tools-version:6.2
import PackageDescription

let package = Package(
    name: "lastcall",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "LastCall", targets: ["LastCall"]),
        .library(name: "LastCallCommand", targets: ["LastCallCommand"]),
        .library(name: "LastCallWork", targets: ["LastCallWork"]),
        .library(name: "LastCallHTTP", targets: ["LastCallHTTP"]),
        .library(name: "LastCallSQLite", targets: ["LastCallSQLite"]),
        .library(name: "LastCallTransports", targets: ["LastCallTransports"]),
        .library(name: "LastCallTesting", targets: ["LastCallTesting"]),
        .executable(name: "lastcall", targets: ["lastcall"]),
    ],
    dependencies: [
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        // Without its traits: FoundationEssentials is enough, and a static binary stays small.
        .package(
            url: "https://github.com/hummingbird-project/hummingbird.git", .upToNextMinor(from: "2.28.1"), traits: []),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/swiftlang/swift-docc-plugin.git", from: "1.5.0"),
    ],
    targets: [
        // The few lines that Swift cannot say: the signal handler, spawn, pidfd, prctl.
        .target(name: "CLastCall"),
        // A lock that the compiler can specialise in every other target.
        .target(name: "LastCallConcurrency", dependencies: ["CLastCall"]),
        .target(
            name: "LastCall",
            dependencies: [
                "CLastCall", "LastCallConcurrency",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                // Not only for tests: see Documentation/decisions/0001-a-scope-for-each-member.md
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
            ]
        ),
        .target(
            name: "LastCallCommand",
            dependencies: [
                "LastCall", "LastCallConcurrency", "LastCallWork", "CLastCall",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
        // Over Debian's libsqlite3-dev; see Documentation/decisions/0007-sqlite-directly.md
        .systemLibrary(name: "CSQLite"),
        .target(
            name: "LastCallSQLite",
            dependencies: [
                "LastCall", "LastCallConcurrency", "LastCallWork", "CLastCall", "CSQLite",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
        .target(
            name: "LastCallWork",
            dependencies: [
                "LastCall", "LastCallConcurrency", "CLastCall",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "HeapModule", package: "swift-collections"),
            ]
        ),
        .target(
            name: "LastCallHTTP",
            dependencies: [
                "LastCall", "LastCallConcurrency", "CLastCall",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "HummingbirdHTTP2", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
            ]
        ),
        // Only who sends messages over HTTP compiles its client.
        .target(
            name: "LastCallTransports",
            dependencies: [
                "LastCall", "LastCallWork",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]
        ),
        .target(
            name: "LastCallTesting", dependencies: ["LastCall", "LastCallConcurrency", "LastCallWork", "CLastCall"]),
        // Over Debian's libyaml-dev; see Documentation/decisions/0003-yaml-through-libyaml.md
        .systemLibrary(name: "CLibYAML"),
        .executableTarget(
            name: "lastcall",
            dependencies: [
                "LastCall", "LastCallConcurrency", "LastCallCommand", "LastCallHTTP", "LastCallWork", "LastCallSQLite",
                "LastCallTransports", "CLastCall", "CLibYAML",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        // A reference service: a bot behind webhooks.
        .executableTarget(
            name: "Snekomatic",
            dependencies: [
                "LastCall", "LastCallHTTP", "LastCallWork", "LastCallSQLite",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOFoundationEssentialsCompat", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "Examples/Snekomatic",
            exclude: ["README.md", ".env.example", "compose.yml", "Procfile"]
        ),
        // A reference service: a bot that polls and posts.
        .executableTarget(
            name: "PaperScout",
            dependencies: [
                "LastCall", "LastCallConcurrency", "LastCallHTTP", "LastCallWork", "LastCallSQLite",
                "LastCallTransports",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOFoundationEssentialsCompat", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Examples/PaperScout",
            exclude: ["README.md", ".env.example", "compose.yml"]
        ),
        // Stops servers under load, its own and others, and counts what their clients lose; the tests drive its server too.
        .executableTarget(
            name: "HTTPDrill",
            dependencies: [
                "LastCallHTTP", "LastCall", "LastCallConcurrency", "LastCallTesting",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "HummingbirdHTTP2", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP2", package: "swift-nio-extras"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Benchmarks/HTTPDrill"
        ),
        // A real program over the library, for the tests that send real signals to a real process.
        .executableTarget(
            name: "LifecycleFixture",
            dependencies: [
                "LastCall", "LastCallConcurrency",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/LifecycleFixture"
        ),
        // What can only be tried in a process of its own: reaping orphans, a closed standard input.
        .executableTarget(
            name: "CommandFixture", dependencies: ["LastCallCommand", "LastCall"], path: "Tests/CommandFixture"),
        // A second process on the same store file.
        .executableTarget(
            name: "StoreFixture", dependencies: ["LastCallSQLite", "LastCallWork", "LastCall"],
            path: "Tests/StoreFixture"),
        // Workers on one store that are told to stop and killed at random.
        .executableTarget(
            name: "WorkFixture",
            dependencies: [
                "LastCallSQLite", "LastCallCommand", "LastCallWork", "LastCallTesting", "LastCall",
                "LastCallConcurrency",
            ],
            path: "Tests/WorkFixture"),
        .testTarget(
            name: "LastCallTests",
            dependencies: [
                "LastCall", "LastCallConcurrency", "LastCallTesting", "LifecycleFixture",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "InMemoryLogging", package: "swift-log"),
            ]
        ),
        .testTarget(
            name: "LastCallWorkTests",
            dependencies: [
                "LastCallWork", "LastCall", "LastCallConcurrency", "LastCallTesting",
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
            ]
        ),
        .testTarget(
            name: "LastCallCommandTests",
            dependencies: [
                "LastCallCommand", "LastCallWork", "LastCall", "CLastCall", "LastCallTesting", "CommandFixture",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
            ]
        ),
        .testTarget(
            name: "LastCallHTTPTests",
            dependencies: [
                "LastCallHTTP", "LastCall", "LastCallConcurrency", "LastCallTesting", "HTTPDrill",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdHTTP2", package: "hummingbird"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
        .testTarget(
            name: "LastCallTransportsTests",
            dependencies: [
                "LastCallTransports", "LastCallWork", "LastCall", "LastCallConcurrency",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]
        ),
        .testTarget(
            name: "SnekomaticTests",
            dependencies: [
                "Snekomatic", "LastCallHTTP", "LastCall", "LastCallConcurrency", "LastCallTesting",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .testTarget(
            name: "PaperScoutTests",
            dependencies: [
                "PaperScout", "lastcall", "LastCall", "LastCallConcurrency", "LastCallHTTP", "LastCallWork",
                "LastCallSQLite", "LastCallTransports", "LastCallTesting",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
        .testTarget(
            name: "LastCallSQLiteTests",
            dependencies: [
                "LastCallSQLite", "LastCallWork", "LastCall", "LastCallConcurrency", "CLastCall", "CSQLite",
                "LastCallTesting", "StoreFixture",
                "WorkFixture",
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .testTarget(
            name: "CommandLineTests",
            dependencies: [
                "lastcall", "LastCall", "LastCallConcurrency", "LastCallHTTP", "LastCallWork", "LastCallCommand",
                "LastCallTesting",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        .testTarget(name: "HouseRulesTests"),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets where [.regular, .executable, .test].contains(target.type) && target.name != "CLastCall" {
    target.swiftSettings = [
        .treatAllWarnings(as: .error),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]
}
