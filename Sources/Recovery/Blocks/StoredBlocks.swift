import Decoders
import Faults
import Files
import Torch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Blocks whose masters, moments and gradients are in an unlinked file, and in memory one block at a time. All weights
/// are trained.
///
/// A step reads the masters for the way there and back, writes the gradients, and then goes through everything once
/// more: 40 bytes for each weight, from the system's cache of the disk where there is memory for it.
final class StoredBlocks: StudentBlocks {
    /// A block without its weights.
    private let templates: [Block]
    private let dtype: DType
    private let device: Device
    private let file: FloatFile
    /// Where the parts of a layer begin, in numbers.
    private var layouts: [[Place]] = []
    /// Σ g² of a step's last pass, by layer.
    private var squares: [Double]

    private struct Place {
        var key: TrainedBlock.Key
        var shape: [Int]
        /// Of the master; first and second moment and gradient follow, each as long.
        var offset: Int
        var count: Int { shape.reduce(1, *) }
        var first: Int { offset + count }
        var second: Int { offset + 2 * count }
        var gradient: Int { offset + 3 * count }
    }

    /// - Parameters:
    ///   - read: a block, float32.
    ///   - folder: takes the file.
    /// - Throws: `inputOutput` when the folder does not take it, or weights cannot be read.
    init(
        layers: Int, dtype: DType, device: Device, folder: String, read: (Int) throws(Fault) -> Block
    ) throws(Fault) {
        self.dtype = dtype
        self.device = device
        squares = [Double](repeating: 0, count: layers)
        var (templates, count): ([Block], Int) = ([], 0)
        var layouts: [[Place]] = []
        // Shapes first: space is taken before the work.
        for layer in 0..<layers {
            let block = try read(layer)
            var places: [Place] = []
            for (key, values) in TrainedBlock.trainable(of: block) {
                places.append(Place(key: key, shape: values.shape, offset: count))
                count += 4 * values.count
            }
            layouts.append(places)
            templates.append(block.withoutWeights())
        }
        self.templates = templates
        self.layouts = layouts
        file = try FloatFile(count: count, folder: folder)
        for layer in 0..<layers {
            let block = try read(layer)
            for (place, (_, values)) in zip(layouts[layer], TrainedBlock.trainable(of: block)) {
                try file.write(values, at: place.offset)
            }
        }
    }

    var layerCount: Int { templates.count }
    var trainedCount: Int { layouts.reduce(0) { $0 + $1.reduce(0) { $0 + $1.count } } }

    private func master(_ place: Place) throws(Fault) -> Tensor {
        try file.read(place.offset, place.shape).to(device)
    }

    func block(_ layer: Int) throws(Fault) -> TrainedBlock {
        var values: [TrainedBlock.Key: Tensor] = [:]
        for place in layouts[layer] { values[place.key] = try master(place) }
        return TrainedBlock(templates[layer], values: values, dtype: dtype)
    }

    func collect(_ layer: Int, _ block: TrainedBlock, pass: Int, of passes: Int) throws(Fault) {
        if pass == 0 { squares[layer] = 0 }
        for (place, (_, parameter)) in zip(layouts[layer], block.parameters) {
            var gradient = parameter.takeGradient().to(.float32)
            if pass > 0 { gradient = gradient + (try file.read(place.gradient, place.shape).to(device)) }
            if pass == passes - 1 { squares[layer] += parameter.squareSum(of: gradient) }
            try file.write(gradient, at: place.gradient)
        }
    }

    func step(_ optimizer: AdamW, rate: Double, step: Int) throws(Fault) -> Double {
        let norm = squares.reduce(0, +).squareRoot()
        guard norm.isFinite else { return norm }
        let factor = optimizer.factor(norm: norm)
        for layout in layouts {
            for place in layout {
                let (parameter, gradient) = try read(place)
                Engine.withoutGradient {
                    optimizer.move(parameter, gradient: gradient, factor: factor, rate: rate, step: step)
                }
                try write(parameter, place)
            }
        }
        return norm
    }

    func rehearse(_ optimizer: AdamW) throws(Fault) -> Double {
        var watch = StepWatch()
        for layout in layouts {
            for place in layout {
                let (parameter, gradient) = try watch.measure { () throws(Fault) in try read(place) }
                Engine.withoutGradient { watch.rehearse(parameter, gradient, optimizer) }
                try watch.measure { () throws(Fault) in try write(parameter, place) }
            }
        }
        return watch.seconds
    }

    /// A parameter with its moments and its gradient of a step's passes.
    private func read(_ place: Place) throws(Fault) -> (TrainedParameter, gradient: Tensor) {
        let parameter = TrainedParameter(
            try master(place), first: try file.read(place.first, place.shape).to(device),
            second: try file.read(place.second, place.shape).to(device),
            keepsZeros: TrainedBlock.keepsZeros(place.key))
        return (parameter, try file.read(place.gradient, place.shape).to(device))
    }

    private func write(_ parameter: TrainedParameter, _ place: Place) throws(Fault) {
        try file.write(parameter.master, at: place.offset)
        try file.write(parameter.first, at: place.first)
        try file.write(parameter.second, at: place.second)
    }

    func state(of layer: Int) throws(Fault) -> [(name: String, values: Tensor)] {
        var list: [(name: String, values: Tensor)] = []
        for place in layouts[layer] {
            list.append((place.key.name, try file.read(place.offset, place.shape)))
            list.append((place.key.name + ".first", try file.read(place.first, place.shape)))
            list.append((place.key.name + ".second", try file.read(place.second, place.shape)))
        }
        return list
    }

    func restore(
        _ layer: Int, onlyMasters: Bool, read: (_ name: String, _ shape: [Int]) throws(Fault) -> Tensor
    ) throws(Fault) {
        for place in layouts[layer] {
            try file.write(try read(place.key.name, place.shape), at: place.offset)
            guard !onlyMasters else { continue }
            try file.write(try read(place.key.name + ".first", place.shape), at: place.first)
            try file.write(try read(place.key.name + ".second", place.shape), at: place.second)
        }
    }
}

/// Float32 numbers in an unlinked file.
private final class FloatFile {
    private let descriptor: Int32
    private let folder: String

    init(count: Int, folder: String) throws(Fault) {
        self.folder = folder
        descriptor = try UnlinkedFile.open(in: folder)
        #if os(Linux)
            let failure = posix_fallocate(descriptor, 0, off_t(max(1, count * 4)))
        #else
            let failure = ftruncate(descriptor, off_t(count * 4)) == 0 ? 0 : errno
        #endif
        guard failure == 0 else {
            throw FileSystem.failure("the training state does not fit into the offload folder", folder, failure)
        }
    }

    deinit { close(descriptor) }

    func read(_ offset: Int, _ shape: [Int]) throws(Fault) -> Tensor {
        let values = Tensor.empty(shape)
        try move(values, at: offset) { pointer, count, place in pread(descriptor, pointer, count, place) }
        return values
    }

    func write(_ values: Tensor, at offset: Int) throws(Fault) {
        try move(values.to(.cpu).detached().contiguous(), at: offset) { pointer, count, place in
            pwrite(descriptor, pointer, count, place)
        }
    }

    private func move(
        _ values: Tensor, at offset: Int, call: (UnsafeMutableRawPointer, Int, off_t) -> Int
    ) throws(Fault) {
        try values.withMutableBytes { (bytes) throws(Fault) in
            guard let base = bytes.baseAddress else { return }
            var done = 0
            while done < bytes.count {
                let count = call(base + done, bytes.count - done, off_t(offset * 4 + done))
                if count < 0, errno == EINTR { continue }
                if count == 0 { errno = EIO }
                guard count > 0 else {
                    throw FileSystem.failure("the training state cannot be moved", folder, errno)
                }
                done += count
            }
        }
    }
}
