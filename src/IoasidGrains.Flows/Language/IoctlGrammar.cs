// The grammar of ioctl steps: target, macro or number, arguments by the row of IoctlTable. Used by StepGrammar.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>Reads the arguments that a row lists; knows no ioctl itself.</summary>
internal static class IoctlGrammar
{
    private static readonly NameKind[] Objects = [NameKind.Fd, NameKind.Device, NameKind.Vm, NameKind.Unit, NameKind.File];

    private static readonly string[] FormatWords = ["snoop", "no_snoop", "auto"];

    public static FlowStep Read(WordCursor cursor, string? binds)
    {
        NamedObject target = cursor.TakeObject("the name of an ioasid_fd, a device, a VM or a file of a process", Objects);
        if (target.Kind == NameKind.File)
        {
            return LinuxGrammar.Call(cursor, target.Name, binds);
        }

        string spelling = cursor.Next.Text;
        IoctlRow? row = TakeRow(cursor, target.Kind);
        FlowArgument[] arguments = row?.Build is null ? IgnoreArguments(cursor) : [.. ReadArguments(cursor, row)];
        return new IoctlStep(target, spelling, row, arguments, binds);
    }

    /// <summary>A macro, or a number that may be in no row.</summary>
    private static IoctlRow? TakeRow(WordCursor cursor, NameKind target)
    {
        if (cursor.Problem is null && cursor.Next.Text is [>= '0' and <= '9', ..])
        {
            ulong code = cursor.TakeNumber("an ioctl's macro, or its number such as 0x6903");
            return code > uint.MaxValue || cursor.Problem is not null ? null : IoctlTable.Find(NamedObject.ObjectKindOf(target), (uint)code);
        }

        if (cursor.Problem is null && IoctlTable.Find(cursor.Next.Text) is { } row)
        {
            cursor.Take();
            return row;
        }

        ObjectKind on = NamedObject.ObjectKindOf(target);
        bool offered = cursor.AtEnd;
        cursor.Consider(IoctlTable.Rows.Where(row => !offered || row.On == on).Select(row => row.Name.ToString()));
        cursor.Fail("an ioctl's macro, or its number such as 0x6903");
        return null;
    }

    private static FlowArgument[] IgnoreArguments(WordCursor cursor)
    {
        while (!cursor.AtEnd)
        {
            if (!FlowWords.IsWellFormed(cursor.Next))
            {
                cursor.Fail("a name, a number or a range");
            }

            cursor.Take();
        }

        return [];
    }

    private static IEnumerable<FlowArgument> ReadArguments(WordCursor cursor, IoctlRow row)
    {
        for (int i = 0; i < row.Arguments.Length; i++)
        {
            IoctlArgument argument = row.Arguments[i];
            if (argument.Optional && cursor.AtEnd)
            {
                cursor.Consider(row.Arguments[i..].SelectMany(left =>
                    left.Kind == ArgumentKind.SnoopFlag ? OptionalWords(left.Kind).Concat(cursor.Scope.Names(NameKind.Flag)) : OptionalWords(left.Kind)));
                yield break;
            }

            // Left out, because a later one stands here.
            bool isLater = argument.Optional && row.Arguments[(i + 1)..].Any(later => OptionalWords(later.Kind).Contains(cursor.Next.Text));
            yield return isLater ? new FlowArgument.Literal(new IoctlValue.Absent()) : ReadArgument(cursor, argument, row);
        }
    }

    private static string[] OptionalWords(ArgumentKind kind) => kind switch
    {
        ArgumentKind.Access => ["r", "w", "rw", "none"],
        ArgumentKind.AllFlag => ["all"],
        ArgumentKind.Width => ["width"],
        ArgumentKind.PageSize => ["page"],
        ArgumentKind.NoClearFlag => ["no_clear"],
        ArgumentKind.SnoopFlag => FormatWords,
        _ => [],
    };

    private static FlowArgument ReadArgument(WordCursor cursor, IoctlArgument argument, IoctlRow row) => argument.Kind switch
    {
        ArgumentKind.Fd => TakeNamed(cursor, "the name of an ioasid_fd", NameKind.Fd),
        ArgumentKind.Device => TakeNamed(cursor, "the name of a device", NameKind.Device),
        ArgumentKind.Ioasid => TakeNumberOrName(cursor, "an IOASID: a name that was bound to one, or a number", NameKind.Number),
        ArgumentKind.SnoopFlag => TakeFlag(cursor),
        ArgumentKind.IovaRange => TakeIovaRange(cursor, row.Name == Ioctl.IOASID_UNMAP_DMA),
        ArgumentKind.UserAddress => AddressGrammar.TakeUserMemory(cursor, withLength: false),
        ArgumentKind.UserRange => AddressGrammar.TakeUserMemory(cursor, withLength: true),
        ArgumentKind.Access => TakeAccess(cursor),
        ArgumentKind.Extension => TakeExtension(cursor),
        ArgumentKind.AllFlag => TakeFlagWord(cursor, "all"),
        ArgumentKind.NoClearFlag => TakeFlagWord(cursor, "no_clear"),
        ArgumentKind.OnOff => TakeOnOff(cursor),
        ArgumentKind.PageSize => TakePageSize(cursor),
        ArgumentKind.Width => TakeWidth(cursor),
        _ => throw new InvalidOperationException($"{row.Name} has an argument of kind {argument.Kind}, which the flow language cannot read."),
    };

    /// <summary>A name of any kind: one of the wrong kind is refused at the door, as a wrong file descriptor is.</summary>
    private static FlowArgument.Named TakeNamed(WordCursor cursor, string expected, NameKind usual)
    {
        cursor.Consider(cursor.Scope.Names(usual));
        NamedObject named = cursor.ReadName(cursor.Next.Text, expected, 0) ?? default;
        cursor.Take();
        return new FlowArgument.Named(named);
    }

    private static FlowArgument TakeNumberOrName(WordCursor cursor, string expected, NameKind usual)
    {
        if (cursor.Next.Text is [>= '0' and <= '9', ..])
        {
            return new FlowArgument.Literal(new IoctlValue.Number(cursor.TakeNumber()));
        }

        return TakeNamed(cursor, expected, usual);
    }

    private static FlowArgument TakeFlag(WordCursor cursor) => cursor.TakeIfAny(FormatWords) switch
    {
        "snoop" => new FlowArgument.Literal(new IoctlValue.Flag(SnoopFormat.Snoop)),
        "no_snoop" => new FlowArgument.Literal(new IoctlValue.Flag(SnoopFormat.NoSnoop)),
        "auto" => new FlowArgument.Literal(new IoctlValue.Flag(SnoopFormat.Auto)),
        _ => TakeNumberOrName(cursor, "'snoop', 'no_snoop', 'auto' or a name that was bound to one", NameKind.Flag),
    };

    private static FlowArgument TakeIovaRange(WordCursor cursor, bool orAll)
    {
        if (orAll && cursor.TakeIf("all"))
        {
            return new FlowArgument.Literal(new IoctlValue.All());
        }

        (ulong start, ulong length) = AddressGrammar.TakeRange(cursor, "IOVA+LENGTH such as 0x1000+4K" + (orAll ? ", or 'all'" : ""));
        return new FlowArgument.Literal(new IoctlValue.Range(start, length));
    }

    private static FlowArgument TakeAccess(WordCursor cursor) =>
        new FlowArgument.Literal(new IoctlValue.Access(cursor.TakeOneOf("an access: r, w, rw or none", OptionalWords(ArgumentKind.Access)) switch
        {
            "r" => DmaAccess.Read,
            "w" => DmaAccess.Write,
            "rw" => DmaAccess.ReadWrite,
            _ => DmaAccess.None,
        }));

    private static FlowArgument TakeExtension(WordCursor cursor)
    {
        ulong number = cursor.Next.Text is [>= '0' and <= '9', ..]
            ? cursor.TakeNumber()
            : (ulong)Array.IndexOf(Enum.GetNames<Extension>(), cursor.TakeOneOf("the name of an extension, or a number", Enum.GetNames<Extension>()));
        return new FlowArgument.Literal(new IoctlValue.Number(number));
    }

    /// <summary>A flag that is there or not.</summary>
    private static FlowArgument TakeFlagWord(WordCursor cursor, string word)
    {
        cursor.TakeOneOf($"'{word}'", [word]);
        return new FlowArgument.Literal(new IoctlValue.All());
    }

    private static FlowArgument TakeOnOff(WordCursor cursor) =>
        new FlowArgument.Literal(new IoctlValue.Number(cursor.TakeOneOf("'on' or 'off'", ["on", "off"]) == "on" ? 1UL : 0UL));

    private static FlowArgument TakePageSize(WordCursor cursor)
    {
        cursor.TakeOneOf("'page' and a size", ["page"]);
        return new FlowArgument.Literal(new IoctlValue.Number(cursor.TakeNumber("a page size such as 4K or 2M")));
    }

    private static FlowArgument TakeWidth(WordCursor cursor)
    {
        cursor.TakeOneOf("'width' and a number of bits", ["width"]);
        return new FlowArgument.Literal(new IoctlValue.Number(cursor.TakeNumber("a width in bits such as 39")));
    }
}
