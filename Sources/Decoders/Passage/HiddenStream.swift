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

/// The hidden states of all calibration samples, [samples, tokens, hidden], on their way through the blocks; in memory,
/// on a device, or in an unlinked file of a folder. They are read as float32 whatever they are kept in.
public final class HiddenStream {
    public let samples: Int
    public let tokens: Int
    public let hidden: Int
    /// The number type in which they are kept.
    public let dtype: DType
    private let storage: Storage

    /// Where states are kept.
    public enum Place: Equatable, Sendable {
        case memory(Device)
        /// In an unlinked file of this folder.
        case folder(String)
    }

    private enum Storage {
        case memory(Tensor)
        case file(Int32, path: String)
    }

    /// - Throws: `Fault` of kind `inputOutput` when the folder does not take the file.
    public init(
        samples: Int, tokens: Int, hidden: Int, dtype: DType = .float32, place: Place = .memory(.cpu)
    ) throws(Fault) {
        self.samples = samples
        self.tokens = tokens
        self.hidden = hidden
        self.dtype = dtype
        let folder: String
        switch place {
        case .memory(let device):
            storage = .memory(Tensor.empty([samples, tokens, hidden], dtype, device: device))
            return
        case .folder(let path): folder = path
        }
        let descriptor = try UnlinkedFile.open(in: folder)
        storage = .file(descriptor, path: folder)
        // Space is taken now: a full disk is found before the work, not in its middle.
        #if os(Linux)
            let failure = posix_fallocate(descriptor, 0, byteCount)
            guard failure == 0 else {
                errno = failure
                throw HiddenStream.fault("the hidden stream does not fit into the offload folder", folder)
            }
        #else
            guard ftruncate(descriptor, off_t(byteCount)) == 0 else {
                throw HiddenStream.fault("the hidden stream does not fit into the offload folder", folder)
            }
        #endif
    }

    /// States [samples, tokens, hidden] that are in memory already, on any device; they are changed in place.
    public init(_ states: Tensor) {
        (samples, tokens, hidden) = (states.size(0), states.size(1), states.size(2))
        dtype = states.dtype
        storage = .memory(states)
    }

    deinit { if case .file(let descriptor, _) = storage { close(descriptor) } }

    public var place: Place {
        switch storage {
        case .memory(let tensor): .memory(tensor.device)
        case .file(_, let path): .folder(path)
        }
    }

    /// The place where it is kept, or the processor's memory for one that is in a file.
    public var memory: Place { if case .memory = storage { place } else { .memory(.cpu) } }

    public var byteCount: Int { samples * tokens * hidden * dtype.byteCount }

    private static func fault(_ summary: String, _ path: String) -> Fault {
        FileSystem.failure(summary, path, errno)
    }

    /// The samples of a range, [count, tokens, hidden] float32; a view where the stream is float32 in memory.
    public func read(_ range: Range<Int>) throws(Fault) -> Tensor {
        switch storage {
        case .memory(let tensor): return tensor.narrowed(0, range.lowerBound, range.count).to(.float32)
        case .file(let descriptor, let path):
            let part = Tensor.empty([range.count, tokens, hidden], dtype)
            try transfer(part, at: range.lowerBound, path: path) { pointer, count, offset in
                pread(descriptor, pointer, count, offset)
            }
            return part.to(.float32)
        }
    }

    /// The samples with the given indices, copied.
    public func read(_ indices: [Int]) throws(Fault) -> Tensor {
        var parts: [Tensor] = []
        for index in indices { parts.append(try read(index..<index + 1)) }
        return Tensor.concatenated(parts)
    }

    /// Replaces samples from `start` by [count, tokens, hidden].
    public func write(_ values: Tensor, at start: Int) throws(Fault) {
        switch storage {
        case .memory(let tensor): tensor.narrowed(0, start, values.size(0)).copy(from: values)
        case .file(let descriptor, let path):
            try transfer(values.to(.cpu).to(dtype).contiguous(), at: start, path: path) { pointer, count, offset in
                pwrite(descriptor, pointer, count, offset)
            }
        }
    }

    private func transfer(
        _ part: Tensor, at start: Int, path: String,
        call: (UnsafeMutableRawPointer, Int, off_t) -> Int
    ) throws(Fault) {
        try part.withMutableBytes { (bytes) throws(Fault) in
            guard let base = bytes.baseAddress else { return }
            var done = 0
            while done < bytes.count {
                let count = call(
                    base + done, bytes.count - done, off_t(start * tokens * hidden * dtype.byteCount + done))
                if count < 0, errno == EINTR { continue }
                // Nothing was read: somebody has cut the file, which has no name, or the disk has lost it.
                if count == 0 { errno = EIO }
                guard count > 0 else { throw HiddenStream.fault("the hidden stream cannot be moved", path) }
                done += count
            }
        }
    }

    /// Consecutive ranges of at most `size` samples.
    public func batches(of size: Int) -> [Range<Int>] {
        stride(from: 0, to: samples, by: size).map { $0..<min($0 + size, samples) }
    }

    /// A copy in the same kind of storage, for a second stream that starts as this one.
    public func copied() throws(Fault) -> HiddenStream {
        let copy = try HiddenStream(samples: samples, tokens: tokens, hidden: hidden, dtype: dtype, place: place)
        for range in batches(of: 8) { try copy.write(try read(range), at: range.lowerBound) }
        return copy
    }
}
