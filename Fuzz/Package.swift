// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "espalier-fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "espalier", path: "..")],
    targets: [
        .target(name: "Mutation", dependencies: [.product(name: "EspalierKit", package: "espalier")]),
        .target(
            name: "FuzzTargets",
            dependencies: ["Mutation", .product(name: "EspalierKit", package: "espalier")]),
        // Needs a toolchain with libFuzzer, which brings the main function: `swift build --sanitize fuzzer`.
        .executableTarget(name: "fuzz-coverage", dependencies: ["FuzzTargets", "Mutation"]),
        .executableTarget(name: "fuzz-mutants", dependencies: ["FuzzTargets", "Mutation"]),
    ]
)
