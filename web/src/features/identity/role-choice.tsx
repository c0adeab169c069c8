import type { Role } from '@opssight/client';
import { ROLES } from './roles';

/** One of the roles, each with what it may do. */
export function RoleChoice({ value, onChange, note }: { value: Role; onChange: (role: Role) => void; note?: string }) {
  return (
    <fieldset className="space-y-1.5">
      <legend className="mb-1 text-sm font-medium">Role</legend>
      {ROLES.map((one) => (
        <label key={one.role} className="flex items-start gap-2 text-sm">
          <input type="radio" name="role" className="mt-0.5" checked={value === one.role} onChange={() => onChange(one.role)} />
          <span>
            {one.name}
            <span className="block text-xs text-muted">{one.may}</span>
          </span>
        </label>
      ))}
      {note && <p className="text-xs text-muted">{note}</p>}
    </fieldset>
  );
}
