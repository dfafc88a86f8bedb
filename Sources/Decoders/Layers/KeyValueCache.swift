import Torch

/// Keys and values of the positions seen so far, one pair for each layer.
public final class KeyValueCache {
    private var layers: [(key: Tensor, value: Tensor)?]
    /// Positions held.
    public private(set) var length = 0

    public init(layerCount: Int) { layers = Array(repeating: nil, count: layerCount) }

    /// Appends keys and values [b, t, kv, d] of a layer and gives all of them.
    func extend(layer: Int, key: Tensor, value: Tensor) -> (key: Tensor, value: Tensor) {
        let all: (key: Tensor, value: Tensor)
        if let held = layers[layer] {
            all = (
                Tensor.concatenated([held.key, key], dimension: 1),
                Tensor.concatenated([held.value, value], dimension: 1)
            )
        } else {
            all = (key, value)
        }
        layers[layer] = all
        return all
    }

    /// Counts positions once all layers have taken them.
    public func advance(_ count: Int) { length += count }
}
