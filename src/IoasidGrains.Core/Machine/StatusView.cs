// Status lines by object, and the values in them; what the invariants are written over.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Reads <c>key=a,b</c> and <c>key=a:x,b:y</c> out of status lines of one host.</summary>
public sealed class StatusView(IReadOnlyCollection<ObjectStatus> all)
{
    private readonly Dictionary<(ObjectKind, string), ObjectStatus> _byName = all.ToDictionary(status => (status.Id.Kind, status.Id.ShortName));
    private readonly Dictionary<ObjectStatus, Dictionary<string, string>> _values = new(ReferenceEqualityComparer.Instance);

    public IEnumerable<ObjectStatus> Of(ObjectKind kind)
    {
        foreach (ObjectStatus status in all)
        {
            if (status.Id.Kind == kind)
            {
                yield return status;
            }
        }
    }

    public ObjectStatus? Find(ObjectKind kind, string name) => _byName.GetValueOrDefault((kind, name));

    /// <summary>The IOASID of a page table.</summary>
    public ObjectStatus? OwnerOf(ObjectStatus table) => Find(ObjectKind.Ioasid, table.Id.ShortName[..table.Id.ShortName.LastIndexOf('/')]);

    public bool Has(ObjectStatus status, string word) => ValuesOf(status).ContainsKey(word);

    /// <summary>The value of a key; empty if it is not there.</summary>
    public string Text(ObjectStatus? status, string key) => status is null ? "" : ValuesOf(status).GetValueOrDefault(key, "");

    public string[] List(ObjectStatus? status, string key) => Text(status, key) is { Length: > 0 } text ? text.Split(',') : [];

    public IEnumerable<KeyValuePair<string, string>> Pairs(ObjectStatus? status, string key)
    {
        foreach (string item in List(status, key))
        {
            int colon = item.IndexOf(':');
            yield return new(item[..colon], item[(colon + 1)..]);
        }
    }

    private Dictionary<string, string> ValuesOf(ObjectStatus status)
    {
        if (!_values.TryGetValue(status, out Dictionary<string, string>? values))
        {
            _values.Add(status, values = []);
            foreach (string word in status.Detail.Split(' '))
            {
                int equals = word.IndexOf('=');
                values[equals < 0 ? word : word[..equals]] = equals < 0 ? "" : word[(equals + 1)..];
            }
        }

        return values;
    }
}
