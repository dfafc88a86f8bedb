/// Which Espalier this is.
public enum EspalierVersion {
    /// As releases are named, and as results tell it.
    public static let number = "0.1.0"
}
