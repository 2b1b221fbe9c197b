// The name of any kernel object; what both runners address mailboxes with.
namespace IoasidGrains.Uapi;

/// <summary>
/// Kind and key of one object. A key starts with the host that the object lives on, so that two users of one cluster
/// may both have an <c>fd1</c>: <c>host1/fd1</c>, <c>host1/fd1/2</c> (IOASID 2), <c>host1/fd1/2/p0</c> (its table), <c>host1/vm1/mem</c>.
/// </summary>
[GenerateSerializer, Immutable]
public readonly record struct ObjectId(ObjectKind Kind, string Key) : IComparable<ObjectId>
{
    /// <summary>The key without its host: what a user calls the object.</summary>
    public string ShortName => Key[(Key.IndexOf('/') + 1)..];

    /// <summary>True if the key has a host and a name, and the numbers that its kind needs.</summary>
    public bool IsWellFormed
    {
        get
        {
            string[] parts = Key?.Split('/') ?? [];
            return parts.All(part => part.Length > 0) && Kind switch
            {
                ObjectKind.Ioasid => parts.Length == 3 && uint.TryParse(parts[2], out _),
                ObjectKind.PageTable => parts.Length == 4 && uint.TryParse(parts[2], out _) && parts[3][0] == 'p' && int.TryParse(parts[3][1..], out _),
                ObjectKind.GuestMemory => parts.Length == 3 && parts[2] is "mem" or "process",
                >= ObjectKind.IoasidFd and <= ObjectKind.GuestMemory => parts.Length == 2,
                _ => false,
            };
        }
    }

    /// <summary>The host part of the key.</summary>
    public string Host => Key[..Math.Max(0, Key.IndexOf('/'))];

    public int CompareTo(ObjectId other) =>
        Kind != other.Kind ? Kind.CompareTo(other.Kind) : string.CompareOrdinal(Key, other.Key);

    /// <summary>True if an object <paramref name="from"/> may call <paramref name="to"/>: calls go down.</summary>
    public static bool MayCall(ObjectId from, ObjectId to) =>
        to.Kind > from.Kind
        || (from.Kind == ObjectKind.Ioasid && to.Kind == ObjectKind.Ioasid
            && IoasidId.Parse(to.Key).Number.Value < IoasidId.Parse(from.Key).Number.Value);

    public override string ToString() => $"{Kind}:{ShortName}";
}
