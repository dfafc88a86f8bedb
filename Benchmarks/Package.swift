// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "espalier-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "espalier", path: "..")],
    targets: [
        .executableTarget(
            name: "espalier-benchmarks", dependencies: [.product(name: "EspalierKit", package: "espalier")]),
        .executableTarget(
            name: "structural-benchmarks", dependencies: [.product(name: "EspalierKit", package: "espalier")]),
    ]
)
