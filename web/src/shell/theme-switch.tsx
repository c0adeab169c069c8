'use client';
import { Monitor, Moon, Sun } from 'lucide-react';
import { Segmented } from '@/ui/controls';
import { setTheme, useTheme } from './theme';

export function ThemeSwitch() {
  return (
    <Segmented
      label="Theme"
      value={useTheme()}
      onChange={setTheme}
      options={[
        { value: 'system', text: <Monitor size={13} aria-hidden />, title: 'Theme of the system' },
        { value: 'light', text: <Sun size={13} aria-hidden />, title: 'Light theme' },
        { value: 'dark', text: <Moon size={13} aria-hidden />, title: 'Dark theme' },
      ]}
    />
  );
}
