import numpy as np
from dataclasses import replace
from oneclick.core import association, boxes
from oneclick.core.detections import Detections
from oneclick.core.tracks import Tracks
from oneclick.hindsight.options import Options
import os, json

def strength(scores, th):
    s = scores.astype(np.float64)
    if th > 0: return np.maximum(s, 0) / th
    if not np.isfinite(th): th = s.min(initial=0)
    return np.maximum(1 + s - th, 0)

def dedupe(d, at):
    """greedy NMS in each frame (vectorised by pairs)"""
    i, j, o = association.overlaps(d, d, at)
    m = (i < j) & (d.classes[i] == d.classes[j])
    i, j = i[m], j[m]
    # sort by strongest of pair
    dead = np.zeros(len(d), bool)
    si, sj = d.scores[i], d.scores[j]
    win = np.where(si >= sj, i, j); lose = np.where(si >= sj, j, i)
    order = np.argsort(-d.scores[win], kind='stable')
    for a, b in zip(win[order].tolist(), lose[order].tolist()):
        if not dead[a]: dead[b] = True
    return d.where(~dead)

# states ---------------------------------------------------------------
def cs(b):
    b = b.astype(np.float64)
    return np.concatenate([(b[:, :2]+b[:, 2:])/2, b[:, 2:]-b[:, :2]], 1)

def corners(c):
    return np.concatenate([c[:, :2]-c[:, 2:]/2, c[:, :2]+c[:, 2:]/2], 1)

def end_states(frames, c, starts, stops, fps, seconds, last):
    """value and velocity (per frame) at first/last frame of each run"""
    n = len(starts)
    val = np.zeros((n, 4)); vel = np.zeros((n, 4)); 
    for k in range(n):
        s, e = starts[k], stops[k]
        f = frames[s:e].astype(float); x = c[s:e]
        t0 = f[-1] if last else f[0]
        age = np.abs(f - t0)/fps
        m = age <= 2*seconds
        f, x, age = f[m], x[m], age[m]
        w = np.exp(-.5*(age/(seconds/2))**2)
        W = w.sum(); t = (f-t0)
        tm = (w*t).sum()/W; xm = (w[:, None]*x).sum(0)/W
        var = (w*(t-tm)**2).sum()
        pr = (0.15*fps)**2*1.0   # ridge: shrink velocity when support is short
        v = (w[:, None]*(t-tm)[:, None]*(x-xm)).sum(0)/(var+pr)
        v[2:] = 0
        vel[k] = v
        val[k] = xm - v*tm
    return val, vel

def runs(track):
    br = np.flatnonzero(np.diff(track))+1
    starts = np.concatenate([[0], br]); stops = np.concatenate([br, [len(track)]])
    return starts, stops

def stitch(frames, c, cls, track, fps, o, gap):
    """all sorted by (track, frame); returns new track ids"""
    if not len(track): return track
    starts, stops = runs(track)
    n = len(starts)
    hv, hd = end_states(frames, c, starts, stops, fps, o.state_seconds, False)
    tv, td = end_states(frames, c, starts, stops, fps, o.state_seconds, True)
    first = frames[starts]; last = frames[stops-1]; kind = cls[starts]
    order = np.argsort(first, kind='stable')
    lo = np.searchsorted(first[order], last+1); hi = np.searchsorted(first[order], last+gap*fps, 'right')
    cnt = hi-lo
    a = np.repeat(np.arange(n), cnt)
    b = order[np.repeat(lo-(np.cumsum(cnt)-cnt), cnt)+np.arange(cnt.sum())]
    m = kind[a] == kind[b]; a, b = a[m], b[m]
    g = (first[b]-last[a]).astype(float)[:, None]
    h = np.sqrt(tv[a, 3]*hv[b, 3])
    fwd = np.linalg.norm(tv[a, :2]+td[a, :2]*g-hv[b, :2], axis=1)/h
    bwd = np.linalg.norm(hv[b, :2]-hd[b, :2]*g-tv[a, :2], axis=1)/h
    size = np.abs(np.log(tv[a, 3]/hv[b, 3]))
    gs = g[:, 0]/fps
    cost = ((fwd+bwd)/2)/(o.stitch_near+o.stitch_far*gs) + size*2
    weight = o.stitch_cost-cost
    m = weight > 0
    a, b, weight = a[m], b[m], weight[m]
    if not len(a): return track
    # prefer shorter gaps a bit
    weight = weight/o.stitch_cost + 0.0
    oo = np.argsort(a, kind='stable'); a, b, weight = a[oo], b[oo], weight[oo]
    pick = association.assign(a, b, weight.astype(np.float32), np.zeros(len(a), int))
    prev = np.full(n, -1); prev[b[pick]] = a[pick]
    root = np.arange(n)
    for k in order:
        if prev[k] >= 0: root[k] = root[prev[k]]
    return np.repeat(root, stops-starts)

def smooth(frames, track, c, w, fps, sig_pos, sig_size, robust):
    """gaussian local linear regression per run of one track; c (n,4)"""
    out = c.copy(); rw = np.ones(len(c))
    for it in range(robust+1):
        ww = w*rw
        for cols, sg in (((0, 1), sig_pos), ((2, 3), sig_size)):
            s = max(sg*fps, 1e-3); K = int(np.ceil(3*s))
            S0 = ww.copy(); S1 = np.zeros(len(c)); S2 = np.zeros(len(c))
            x = c[:, cols]
            T0 = ww[:, None]*x; T1 = np.zeros_like(x)
            for k in range(1, min(K, len(c)-1)+1):
                same = track[k:] == track[:-k]
                dt = (frames[k:]-frames[:-k]).astype(float)
                g = np.where(same, np.exp(-.5*(dt/s)**2), 0)
                # neighbour later (k ahead) seen from row i
                for A, B, sign in ((slice(None, -k), slice(k, None), 1), (slice(k, None), slice(None, -k), -1)):
                    q = g*ww[B]
                    S0[A] += q; S1[A] += q*sign*dt; S2[A] += q*dt*dt
                    T0[A] += q[:, None]*x[B]; T1[A] += (q*sign*dt)[:, None]*x[B]
            S2 = S2 + 1e-6 + 0.5*S0*1.0*(s*.3)**2
            det = S0*S2-S1*S1
            y = (S2[:, None]*T0-S1[:, None]*T1)/det[:, None]
            out[:, cols] = y
        if it < robust:
            r = np.abs(c-out)/out[:, 3:4]
            r = r.max(1)
            scale = 0.06
            rw = np.clip(1-(r/(6*scale))**2, 0.05, 1)**2
    return out

def fill(frames, track, fps, maxgap):
    """indices of left row and fraction for every missing frame"""
    d = np.diff(frames); same = (np.diff(track) == 0) & (d > 1) & (d <= maxgap*fps+1)
    left = np.flatnonzero(same); n = d[left]-1
    L = np.repeat(left, n)
    k = np.arange(n.sum())-np.repeat(np.cumsum(n)-n, n)+1
    return L, k, k/np.repeat(d[left], n)

OV = json.loads(os.environ.get('OV', '{}'))
def label(parts, thresholds, o=None):
    o = o or Options(**OV)
    lead = parts[0]; fps = lead.fps
    st = strength(lead.scores, thresholds[0]).astype(np.float32)
    lead = replace(lead, scores=st)
    lead = dedupe(lead.above(o.floor), o.same)
    high = lead.above(o.weak if o.weak < 1 and OV.get('hyst') else 1.0)
    low = lead.where(lead.scores < (1.0))
    t = association.link(high, o.link_iou, o.link_seconds)
    order = np.lexsort((high.frames, t))
    F, T, B, S, C = high.frames[order].astype(int), t[order].astype(int), high.boxes[order], high.scores[order], high.classes[order]
    c = cs(B)
    gap = o.gap_static
    for r in range(o.stitch_rounds):
        T = stitch(F, c, C, T, fps, o, gap)
        q = np.lexsort((F, T)); F, T, c, S, C = F[q], T[q], c[q], S[q], C[q]
    O = np.full(len(F), 'd')
    # drop
    if len(T):
        s, e = runs(T)
        n = e-s; mean = np.add.reduceat(S, s)/n; dur = (F[e-1]-F[s]+1)/fps
        keep = (n >= o.min_boxes) & (dur >= o.min_seconds) & (mean >= o.min_strength)
        k = np.repeat(keep, n); F, T, c, S, C, O = F[k], T[k], c[k], S[k], C[k], O[k]
    if not len(T):
        return Tracks.empty(lead.length, fps, lead.names)
    # fill from smoothed ends
    sm = smooth(F, T, c, np.ones(len(F)), fps, o.sigma, o.sigma_size, o.robust)
    L, k, f = fill(F, T, fps, gap)
    x = sm[L]*(1-f[:, None])+sm[L+1]*f[:, None]
    fF, fT, fC = F[L]+k, T[L], C[L]
    near = np.minimum(k, np.round(k/f-k))/fps
    fS = np.minimum(S[L], S[L+1])*np.exp(-near)
    fO = np.full(len(fF), 'i')
    # recover
    qq = np.argsort(fF, kind='stable')
    fd = Detections(fF[qq], corners(x[qq]), fS[qq], fC[qq], lead.length, fps, lead.names)
    i, j = association.match_frames(fd, low, o.recover_iou) if len(fd) and len(low) else (np.zeros(0, int),)*2
    rec = qq[i]
    x[rec] = cs(low.boxes[j]); fO[rec] = 'r'
    F, T, c, S, C, O = (np.concatenate(p) for p in ((F, fF), (T, fT), (c, x), (S, fS), (C, fC), (O, fO)))
    q = np.lexsort((F, T)); F, T, c, S, C, O = F[q], T[q], c[q], S[q], C[q], O[q]
    w = np.where(O == 'i', o.filled_weight, np.where(O == 'r', .6, 1))
    c = smooth(F, T, c, w, fps, o.sigma, o.sigma_size, o.robust)
    # duplicates across tracks: drop by box the weaker track
    n = np.bincount(T); tot = np.bincount(T, S)
    d = Detections(F, corners(c), tot[T], C, lead.length, fps, lead.names)
    qd = np.argsort(F, kind='stable')
    i, j, ov = association.overlaps(d, d, o.same)
    m = (i < j) & (d.classes[i] == d.classes[j]); i, j = i[m], j[m]
    lose = np.where(d.scores[i] >= d.scores[j], j, i)
    keep = np.ones(len(d), bool); keep[qd[lose]] = False
    F, T, c, S, C, O = F[keep], T[keep], c[keep], S[keep], C[keep], O[keep]
    return Tracks(F, T, corners(c), S/(1+S), C, O, lead.length, fps, lead.names)
