import { Box, useTheme } from "@mui/material";

const HEIGHT = 120;
const WIDTH = 600;

export interface Bar {
  label: string;
  value: number;
}

interface Props {
  title: string;
  bars: Bar[];
  format: (value: number) => string;
}

/** Bars with their highest value. Each bar has a tooltip, and screen readers get the figures as one text. */
export function Bars({ title, bars, format }: Props) {
  const { palette } = useTheme();
  const highest = Math.max(...bars.map(({ value }) => value));
  const step = WIDTH / bars.length;
  const textOf = ({ label, value }: Bar) => `${label}: ${format(value)}`;
  const figures = bars.filter(({ value }) => value > 0).map(textOf);
  return (
    <Box component="figure" sx={{ m: 0, mb: 2 }}>
      <Box component="figcaption" sx={{ display: "flex", justifyContent: "space-between", typography: "body2", mb: 0.5 }}>
        <span>{title}</span>
        <span>{`Highest: ${format(highest)}`}</span>
      </Box>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width="100%" role="img" aria-label={`${title}. ${figures.join(", ") || "None"}`}>
        <line x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} stroke={palette.divider} />
        {bars.map((bar, index) => {
          const height = highest > 0 ? (bar.value / highest) * (HEIGHT - 2) : 0;
          const place = { x: index * step + 1, y: HEIGHT - height, width: step - 2, height };
          return (
            <rect key={bar.label} {...place} fill={palette.primary.main}>
              <title>{textOf(bar)}</title>
            </rect>
          );
        })}
      </svg>
      <Box sx={{ display: "flex", justifyContent: "space-between", typography: "caption", color: "text.secondary" }}>
        <span>{bars[0].label}</span>
        <span>{bars.at(-1)!.label}</span>
      </Box>
    </Box>
  );
}
