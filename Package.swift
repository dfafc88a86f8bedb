// swift-tools-version: 6.2
import PackageDescription

// libtorch 2.11.0: $LIBTORCH, or the link that `make setup` places in the package root.
let named = Context.environment["LIBTORCH"] ?? ""
let libtorch = named.isEmpty ? Context.packageDirectory + "/.torch" : named

let torchHeaders: [CXXSetting] = [
    .unsafeFlags([
        "-isystem", "\(libtorch)/include", "-isystem", "\(libtorch)/include/torch/csrc/api/include", "-O3",
        "-fno-math-errno", "-Wno-deprecated-declarations",
    ])
]

// Only the CPU half is linked; CUDA's half is opened at run time when a CUDA device is asked for. The second rpath is
// where an installed tool keeps its libraries.
#if os(macOS)
    let besideBinary = "@executable_path/../lib/espalier"
#else
    let besideBinary = "$ORIGIN/../lib/espalier"
#endif
let torchLibraries: [LinkerSetting] = [
    .unsafeFlags([
        "-L", "\(libtorch)/lib", "-Xlinker", "-rpath", "-Xlinker", besideBinary, "-Xlinker", "-rpath", "-Xlinker",
        "\(libtorch)/lib",
    ]),
    .linkedLibrary("torch_cpu"),
    .linkedLibrary("c10"),
]

let package = Package(
    name: "espalier",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "espalier", targets: ["espalier"]),
        .library(
            name: "EspalierKit",
            targets: [
                "Calibration", "Checkpoints", "Decoders", "Endpoint", "EspalierKit", "Evaluation", "Faults", "Files",
                "Gate", "JSONText", "Planning", "Pruning", "Publishing", "Randomness", "Recipes", "Records", "Recovery",
                "Reports", "Runs",
                "Settings", "Structure", "Tasks", "Tokenization", "Torch", "Watch",
            ]),
        .library(name: "EspalierCommands", targets: ["EspalierCommands"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "Faults"),
        .target(name: "JSONText", dependencies: ["Faults"]),
        .target(
            name: "Files", dependencies: ["Faults", "JSONText", .product(name: "Crypto", package: "swift-crypto")]),
        .target(name: "Records", dependencies: ["JSONText"]),
        .target(name: "CTorch", cxxSettings: torchHeaders, linkerSettings: torchLibraries),
        .target(name: "Torch", dependencies: ["CTorch", "Faults"]),
        .target(
            name: "Checkpoints",
            dependencies: [
                "Faults", "Files", "JSONText", "Records", .product(name: "Crypto", package: "swift-crypto"),
            ]),
        .target(
            name: "Publishing", dependencies: ["Checkpoints", "Faults", "Files", "JSONText", "Records"]),
        .target(name: "Decoders", dependencies: ["Torch", "Checkpoints", "JSONText", "Faults", "Files"]),
        .target(name: "Randomness"),
        .target(name: "Settings", dependencies: ["Faults", "Files", "Yams"]),
        .target(name: "Recipes", dependencies: ["Faults", "Files", "Settings"]),
        .target(name: "Pruning", dependencies: ["Decoders", "Faults", "Files", "Randomness", "Recipes", "Torch"]),
        .target(name: "Recovery", dependencies: ["Decoders", "Faults", "Files", "Randomness", "Recipes", "Torch"]),
        .target(name: "Structure", dependencies: ["Checkpoints", "Decoders", "Faults", "Randomness", "Torch"]),
        .target(name: "Tokenization", dependencies: ["Faults", "JSONText"]),
        .target(name: "CCurl"),
        .target(name: "Endpoint", dependencies: ["CCurl", "Faults", "JSONText", "Tokenization"]),
        .target(
            name: "Calibration",
            dependencies: [
                "Checkpoints", "Faults", "Files", "JSONText", "Randomness", "Records",
                .product(name: "Crypto", package: "swift-crypto"),
            ]),
        .target(
            name: "Tasks",
            dependencies: ["Calibration", "Faults", "Files", "JSONText", "Settings", "Tokenization", "Yams"]),
        .target(
            name: "Evaluation",
            dependencies: ["Decoders", "Faults", "Randomness", "Tasks", "Torch"]),
        .target(
            name: "Runs",
            dependencies: [
                "Calibration", "Checkpoints", "Decoders", "Faults", "Files", "JSONText", "Pruning", "Publishing",
                "Recipes", "Records", "Recovery", "Settings", "Structure", "Torch", "Yams",
                .product(name: "Crypto", package: "swift-crypto"),
            ]),
        .target(
            name: "Planning",
            dependencies: [
                "Calibration", "Checkpoints", "Decoders", "Faults", "Files", "JSONText", "Pruning", "Publishing",
                "Recipes", "Records", "Runs", "Structure", "Torch", .product(name: "Crypto", package: "swift-crypto"),
            ]),
        .target(
            name: "Reports",
            dependencies: [
                "Faults", "Files", "Gate", "JSONText", "Recipes", "Records",
                .product(name: "Crypto", package: "swift-crypto"),
            ]),
        .target(name: "Gate", dependencies: ["Faults", "JSONText", "Records", "Settings"]),
        .target(
            name: "Watch", dependencies: ["Checkpoints", "Faults", "Files", "JSONText", "Randomness"]),
        .target(
            name: "EspalierKit",
            dependencies: [
                "Calibration", "Checkpoints", "Decoders", "Endpoint", "Evaluation", "Faults", "Files", "Gate",
                "JSONText",
                "Planning", "Pruning", "Publishing", "Randomness", "Recipes", "Records", "Reports", "Runs", "Settings",
                "Tasks", "Tokenization", "Torch", "Watch",
            ]),
        .target(
            name: "EspalierCommands",
            dependencies: [
                "Checkpoints", "Endpoint", "EspalierKit", "Evaluation", "Faults", "Files", "Gate", "JSONText",
                "Planning",
                "Pruning", "Publishing", "Recipes", "Records", "Reports", "Runs", "Settings", "Tasks", "Watch",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(name: "espalier", dependencies: ["EspalierCommands"]),

        .testTarget(
            name: "FilesTests", dependencies: ["Faults", "Files", "JSONText", "TestSupport"],
            resources: [.copy("Fixtures")]),
        .testTarget(
            name: "PublishingTests",
            dependencies: ["Checkpoints", "Faults", "Files", "JSONText", "Publishing", "TestSupport"]),
        .testTarget(name: "JSONTextTests", dependencies: ["Faults", "JSONText"]),
        .testTarget(
            name: "CheckpointsTests",
            dependencies: ["Checkpoints", "Faults", "Files", "JSONText", "Randomness", "TestSupport"],
            resources: [.copy("Fixtures")]),
        .testTarget(
            name: "TokenizationTests",
            dependencies: ["Calibration", "Checkpoints", "Faults", "Files", "JSONText", "Tokenization"],
            resources: [.copy("Fixtures")]),
        .testTarget(name: "EndpointTests", dependencies: ["Endpoint", "Faults", "JSONText", "TestSupport"]),
        .testTarget(
            name: "CalibrationTests",
            dependencies: [
                "Calibration", "Faults", "Files", "JSONText", "TestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            resources: [.copy("Fixtures")]),
        .testTarget(
            name: "ReportsTests",
            dependencies: ["Faults", "Files", "Gate", "JSONText", "Reports", "TestSupport", "Yams"]),
        .testTarget(name: "SettingsTests", dependencies: ["Faults", "Settings", "Yams"]),
        .testTarget(name: "RecipesTests", dependencies: ["Faults", "Recipes", "Settings"]),
        .target(
            name: "TestSupport", dependencies: ["Checkpoints", "Faults", "JSONText", "Randomness"],
            path: "Tests/TestSupport"),
        .target(
            name: "RunSupport",
            dependencies: [
                "Calibration", "Checkpoints", "Decoders", "Faults", "Pruning", "Randomness", "Recipes", "Runs",
                "TestSupport", "Torch",
            ], path: "Tests/RunSupport"),
        .testTarget(
            name: "PlanningTests",
            dependencies: [
                "Checkpoints", "Decoders", "Faults", "JSONText", "Planning", "Recipes", "RunSupport", "Runs",
                "Settings", "TestSupport",
            ]),
        .testTarget(
            name: "RunsTests",
            dependencies: [
                "Calibration", "Checkpoints", "Decoders", "Evaluation", "Faults", "Files", "JSONText", "Planning",
                "Pruning", "Publishing", "Randomness", "Recipes", "RunSupport", "Runs", "Settings", "Structure",
                "TestSupport", "Torch", "Yams",
            ]),
        .testTarget(name: "TorchTests", dependencies: ["CTorch", "Faults", "Randomness", "Torch"]),
        .testTarget(
            name: "PruningTests",
            dependencies: [
                "Checkpoints", "Decoders", "Faults", "JSONText", "Pruning", "Randomness", "Recipes", "TestSupport",
                "Torch",
            ], resources: [.copy("Fixtures")]),
        .testTarget(
            name: "RecoveryTests",
            dependencies: ["Checkpoints", "Decoders", "Faults", "JSONText", "Recipes", "Recovery", "Torch"],
            resources: [.copy("Fixtures")]),
        .testTarget(
            name: "StructureTests",
            dependencies: ["Checkpoints", "Decoders", "Faults", "Randomness", "Structure", "TestSupport", "Torch"]),
        .testTarget(
            name: "DecodersTests",
            dependencies: ["Checkpoints", "Decoders", "Faults", "JSONText", "Randomness", "TestSupport", "Torch"],
            resources: [.copy("Fixtures")]),
        .testTarget(
            name: "TasksTests", dependencies: ["Faults", "JSONText", "Tasks", "TestSupport", "Tokenization"]),
        .testTarget(
            name: "EvaluationTests",
            dependencies: [
                "Checkpoints", "Decoders", "Evaluation", "Faults", "JSONText", "Tasks", "TestSupport", "Tokenization",
                "Torch",
            ], resources: [.copy("Fixtures")]),
        .testTarget(name: "GateTests", dependencies: ["Faults", "Files", "Gate", "JSONText"]),
        .testTarget(
            name: "WatchTests",
            dependencies: ["Checkpoints", "Faults", "Files", "JSONText", "Randomness", "TestSupport", "Watch"]),
        .testTarget(
            name: "EspalierKitTests",
            dependencies: [
                "Checkpoints", "EspalierKit", "Evaluation", "Faults", "JSONText", "Recipes", "RunSupport", "Runs",
                "TestSupport", "Torch",
            ]),
        .testTarget(
            name: "EspalierCommandsTests",
            dependencies: [
                "Checkpoints", "Decoders", "Endpoint", "EspalierCommands", "EspalierKit", "Evaluation", "Faults",
                "Files",
                "Gate", "JSONText", "Publishing", "Randomness", "Recipes", "Reports", "Runs", "TestSupport", "Torch",
                "Watch",
                "Yams",
                "Tokenization", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], exclude: ["Snapshots"]),
    ],
    cxxLanguageStandard: .cxx20
)

// Only who builds the documentation needs its plug-in: `make docc`.
if Context.environment["ESPALIER_DOCC"] != nil {
    package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"))
}
