"""The one table of results: figures, their ratios, and what is asked of them."""


class Table:
    def __init__(self):
        self.rows = []
        self.notes = []

    def add(self, name, figure, unit, nginx=None, asked=None):
        """`nginx`: the same figure of nginx, plain. `asked`: the most that it should be; of a share, the least."""
        self.rows.append((name, short(figure), unit, f"{figure / nginx:.2f}" if nginx else "",
                          short(asked) if asked else "", f"{figure / asked:.2f}" if asked else ""))

    def note(self, text):
        self.notes.append(text)

    def print(self):
        if not self.rows:
            return
        print(f"\n  {'':40}{'':>10} {'':8}{'/ nginx':>9}{'asked':>10}{'/ asked':>9}")
        for name, figure, unit, ratio, asked, of_asked in self.rows:
            print(f"  {name:40}{figure:>10} {unit:8}{ratio:>9}{asked:>10}{of_asked:>9}")
        print()
        for text in self.notes:
            print(f"  {text}")


def short(figure):
    return f"{figure:,.1f}" if figure < 1000 else f"{figure:,.0f}"
