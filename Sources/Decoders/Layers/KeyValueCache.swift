import Torch

/// Keys and values of the positions seen so far, one pair for each layer.
///
/// The room for all positions is taken once: a token's keys and values are written after those that are there, and
/// attention reads all of them in place.
public final class KeyValueCache {
    /// [b, kv, capacity, d], so that the positions of a head follow each other.
    private var layers: [(key: Tensor, value: Tensor)?]
    /// Positions held.
    public private(set) var length = 0
    /// Positions that there is room for.
    public let capacity: Int

    public init(layerCount: Int, capacity: Int) {
        layers = Array(repeating: nil, count: layerCount)
        self.capacity = capacity
    }

    /// Appends keys and values [b, t, kv, d] of a layer and gives all of them, as views.
    func extend(layer: Int, key: Tensor, value: Tensor) -> (key: Tensor, value: Tensor) {
        let tokens = key.size(1)
        precondition(length + tokens <= capacity, "more positions than the cache has room for")
        let held = layers[layer] ?? (room(for: key), room(for: value))
        layers[layer] = held
        func all(_ storage: Tensor, _ new: Tensor) -> Tensor {
            storage.narrowed(2, length, tokens).copy(from: new.transposed(1, 2))
            return storage.narrowed(2, 0, length + tokens).transposed(1, 2)
        }
        return (all(held.key, key), all(held.value, value))
    }

    private func room(for part: Tensor) -> Tensor {
        Tensor.empty([part.size(0), part.size(2), capacity, part.size(3)], part.dtype, device: part.device)
    }

    /// Counts positions once all layers have taken them.
    public func advance(_ count: Int) { length += count }
}
