// Status lines by object, and the values in them; what the invariants are written over.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Reads <c>key=a,b</c> and <c>key=a:x,b:y</c> out of status lines of one host.</summary>
internal sealed class StatusView(IReadOnlyCollection<ObjectStatus> all)
{
    private readonly Dictionary<(ObjectKind, string), ObjectStatus> _byName = all.ToDictionary(status => (status.Id.Kind, status.Id.ShortName));

    public IEnumerable<ObjectStatus> Of(ObjectKind kind) => all.Where(status => status.Id.Kind == kind);

    public ObjectStatus? Find(ObjectKind kind, string name) => _byName.GetValueOrDefault((kind, name));

    /// <summary>The IOASID of a page table.</summary>
    public ObjectStatus? OwnerOf(ObjectStatus table) => Find(ObjectKind.Ioasid, table.Id.ShortName[..table.Id.ShortName.LastIndexOf('/')]);

    public bool Has(ObjectStatus status, string word) => status.Detail.Split(' ').Contains(word);

    /// <summary>The value of a key; empty if it is not there.</summary>
    public string Text(ObjectStatus? status, string key)
    {
        foreach (string word in status?.Detail.Split(' ') ?? [])
        {
            if (word.Length > key.Length && word[key.Length] == '=' && word.StartsWith(key, StringComparison.Ordinal))
            {
                return word[(key.Length + 1)..];
            }
        }

        return "";
    }

    public string[] List(ObjectStatus? status, string key) => Text(status, key) is { Length: > 0 } text ? text.Split(',') : [];

    public IEnumerable<KeyValuePair<string, string>> Pairs(ObjectStatus? status, string key)
    {
        foreach (string item in List(status, key))
        {
            int colon = item.IndexOf(':');
            yield return new(item[..colon], item[(colon + 1)..]);
        }
    }
}
